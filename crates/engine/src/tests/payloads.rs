//! Messages as records keep them.

use std::sync::Arc;

use jiff::Timestamp;
use program::expression::{Value, ValueType};
use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use crate::{Message, MessageKind, Source, record, values};

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
            traits: map().into(),
            context: map().into(),
            occurred_at: at,
            received_at: Timestamp::MIN,
            source,
            other: map().into(),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// What is looked up in a record's bytes is what stands in the message.
    #[test]
    fn a_field_is_found_where_it_lies(
        fields in prop::collection::btree_map("[a-c]{1,2}", json_value(), 0..6),
        path in prop::collection::vec("[a-c]{1,2}", 1..3),
    ) {
        let fields: Map<String, Json> = fields.into_iter().collect();
        let mut paths = vec![path];
        for (name, field) in &fields {
            paths.push(vec![name.clone()]);
            paths.extend(field.as_object().into_iter().flatten().map(|(inner, _)| vec![name.clone(), inner.clone()]));
        }
        let message = Message { properties: fields.into(), ..plain() };
        let read = record::message_of(&record::payload(&message)).expect("it reads back");
        for path in paths {
            let (there, here) = (message.properties.at(&path), read.properties.at(&path));
            prop_assert_eq!(there.is_some(), here.is_some(), "{:?}", path);
            let (Some(there), Some(here)) = (there, here) else { continue };
            prop_assert_eq!(values::to_text(there), values::to_text(here));
            prop_assert_eq!(there.text(), here.text());
            prop_assert_eq!(there.is_nested(), here.is_nested());
            for of_type in types() {
                prop_assert_eq!(Value::from_json(there, &of_type), Value::from_json(here, &of_type));
                prop_assert_eq!(values::exact(there, &of_type), values::exact(here, &of_type));
                prop_assert_eq!(values::fits(there, &of_type), values::fits(here, &of_type));
            }
        }
        prop_assert_eq!(read.properties.is_none(), message.properties.is_none());
        let each = |message: &Message| -> Vec<_> {
            message.properties.entries().map(|(name, value)| (name.to_owned(), values::to_text(value))).collect()
        };
        prop_assert_eq!(each(&read), each(&message));
    }

    /// Damaged bytes are an error or another message; nothing worse comes of them.
    #[test]
    fn damage_is_told_or_is_another_message(
        fields in prop::collection::btree_map(any::<String>(), json_value(), 0..6),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let message = Message { properties: fields.into_iter().collect::<Map<_, _>>().into(), ..plain() };
        let mut payload = record::payload(&message);
        let place = place.index(payload.len());
        prop_assert!(record::message_of(&payload[..place]).is_err());
        payload[place] ^= flip;
        if let Ok(read) = record::message_of(&payload) {
            prop_assert_ne!(record::payload(&read), record::payload(&message));
        }
    }
}

fn plain() -> Message {
    let text = r#"{"messageId":"m","type":"track","event":"e",
        "occurredAt":"1997-01-01T00:00:00Z","receivedAt":"1997-01-01T00:00:00Z","source":"server"}"#;
    serde_json::from_str(text).expect("a message")
}

fn types() -> Vec<ValueType> {
    let object = [(Arc::from("a"), (ValueType::Decimal, false)), (Arc::from("b"), (ValueType::String, true))];
    let object = ValueType::Object(object.into_iter().collect());
    let mut types =
        vec![ValueType::Bool, ValueType::Int, ValueType::Decimal, ValueType::String, ValueType::Any, object];
    types.extend(types.clone().into_iter().map(|of| ValueType::List(Box::new(of))));
    types
}

#[test]
fn what_is_no_number_is_damage() {
    for text in ["0", "-0", "10", "1.5", "1e5", "1E+5", "-1.5e-5", "0.10"] {
        assert_eq!(number_of(text), serde_json::from_str(text).ok(), "{text}");
    }
    for text in ["", "-", "+1", "01", "-01", ".5", "1.", "1e", "1e+", "1.e5", "1-", "0x1", "NaN", "1_0", "١"]
    {
        assert_eq!(number_of(text), None, "{text}");
        assert!(serde_json::from_str::<Json>(text).is_err(), "{text}");
    }
}

/// What is read where a number is written like this.
fn number_of(text: &str) -> Option<Json> {
    let properties = Map::from_iter([("n".to_owned(), Json::from("~"))]);
    let mut payload = record::payload(&Message { properties: properties.into(), ..plain() });
    let at = payload.windows(3).position(|bytes| bytes == [4, 1, b'~']).expect("the text");
    let number = [&[3, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    payload.splice(at..at + 3, number);
    record::message_of(&payload).ok().map(|read| read.properties["n"].clone())
}
