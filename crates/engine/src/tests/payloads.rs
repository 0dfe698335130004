//! Messages as records keep them.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use crate::{Message, MessageKind, Source, record};

const KINDS: [MessageKind; 6] = [
    MessageKind::Track,
    MessageKind::Identify,
    MessageKind::Page,
    MessageKind::Screen,
    MessageKind::Group,
    MessageKind::Alias,
];
const SOURCES: [Source; 3] = [Source::Server, Source::Browser, Source::Import];

fn json_value() -> impl Strategy<Value = Json> {
    let number =
        prop_oneof!["-?(0|[1-9][0-9]{0,30})", "-?(0|[1-9][0-9]{0,20})\\.[0-9]{1,20}([eE][+-]?[0-9]{1,3})?"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        number.prop_map(|text| serde_json::from_str(&text).expect("a number")),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// A message's bytes say what its JSON form says.
    #[test]
    fn a_message_reads_back(
        maps in prop::collection::vec(prop::collection::btree_map(any::<String>(), json_value(), 0..5), 4),
        ids in prop::collection::vec(prop::option::of(any::<String>()), 4),
        nanosecond in any::<i64>(),
        kind in prop::sample::select(&KINDS),
        source in prop::sample::select(&SOURCES),
    ) {
        let mut maps = maps.into_iter().map(|map| map.into_iter().collect::<Map<_, _>>());
        let mut map = || maps.next().unwrap_or_default();
        let [user_id, anonymous_id, previous_id, event] = <[_; 4]>::try_from(ids).expect("four");
        let at = Timestamp::from_nanosecond(nanosecond.into()).expect("in range");
        let message = Message {
            message_id: "ünique".into(),
            kind,
            user_id,
            anonymous_id,
            previous_id,
            event,
            properties: map().into(),
            traits: map(),
            context: map(),
            occurred_at: at,
            received_at: Timestamp::MIN,
            source,
            other: map(),
        };
        let read = record::message_of(&record::payload(&message)).expect("it reads back");
        prop_assert_eq!(&read, &message);
        prop_assert_eq!(serde_json::to_string(&read).expect("JSON"), serde_json::to_string(&message).expect("JSON"));
    }
}

/// A message that holds `depth` lists in each other.
fn nested(depth: usize) -> Vec<u8> {
    let text = r#"{"messageId":"m","type":"track","event":"e","properties":{"a":[1]},
        "occurredAt":"1997-01-01T00:00:00Z","receivedAt":"1997-01-01T00:00:00Z","source":"server"}"#;
    let mut payload = record::payload(&serde_json::from_str(text).expect("a message"));
    let list = payload.windows(3).position(|bytes| bytes == [5, 1, 3]).expect("the list of a number");
    payload.splice(list..list, [5, 1].repeat(depth - 1));
    payload
}

#[test]
fn values_that_lie_too_deep_are_damage() {
    assert!(record::message_of(&nested(1)).is_ok_and(|read| read.properties["a"] == serde_json::json!([1])));
    assert!(record::message_of(&nested(250)).is_ok());
    assert!(record::message_of(&nested(300)).is_err());
    assert!(record::message_of(&nested(100_000)).is_err());
}
