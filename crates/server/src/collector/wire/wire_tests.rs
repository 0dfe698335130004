use engine::{Message, MessageKind, Source};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

const RECEIVED: &str = "2024-05-01T10:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn items(call: Call, text: &str) -> Vec<Item> {
    let envelope = Envelope::read(call, text).unwrap_or_else(|refused| panic!("{refused}: {text}"));
    envelope.items(Source::Server, at(RECEIVED), || "made-up".into())
}

fn one(text: &str) -> Item {
    let mut items = items(Call::Batch, &format!("{{\"batch\":[{text}]}}"));
    assert_eq!(items.len(), 1);
    items.remove(0)
}

fn message(item: Item) -> Message {
    match item {
        Item::Message(message) => *message,
        Item::Malformed(malformed) => panic!("malformed: {:?}", malformed.problems),
    }
}

fn form(item: Item) -> Value {
    serde_json::to_value(message(item)).expect("a message is JSON")
}

// ---- what the client libraries send ------------------------------------------------------------------

#[test]
fn segment_analytics_node() {
    let body = r#"{"batch":[{"userId":"u-1","event":"Order Completed","properties":{"order_id":"1001","total":59.90},
        "integrations":{},"type":"track","context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},
        "timestamp":"2024-05-01T09:59:50.000Z","messageId":"node-next-1714557590000-0f6a","_metadata":{"nodeVersion":"22.1.0","jsRuntime":"node"}}],
        "writeKey":"wk_test_abc","sentAt":"2024-05-01T10:00:00.000Z"}"#;
    let envelope = Envelope::read(Call::Batch, body).expect("it is read");
    assert_eq!(envelope.write_key(), Ok(Some("wk_test_abc")));
    let item = envelope.items(Source::Server, at(RECEIVED), || unreachable!("it has an id")).remove(0);
    assert_eq!(
        form(item),
        json!({
            "messageId": "node-next-1714557590000-0f6a", "type": "track", "userId": "u-1", "event": "Order Completed",
            "properties": {"order_id": "1001", "total": "59.90".parse::<serde_json::Number>().expect("a number")},
            "context": {"library": {"name": "@segment/analytics-node", "version": "3.1.0"}},
            "occurredAt": "2024-05-01T09:59:50Z", "receivedAt": RECEIVED, "source": "server",
            "other": {"_metadata": {"nodeVersion": "22.1.0", "jsRuntime": "node"}},
        })
    );
}

#[test]
fn segment_analytics_python() {
    let body = r#"{"batch": [{"integrations": {}, "anonymousId": null, "properties": {"total": "59.99"},
        "timestamp": "2024-05-01T09:59:59.250000+00:00", "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "userId": "u-1", "type": "track", "event": "Order Completed", "messageId": "6f6a2c8e-6d0f-4b52-9d3e-0a8f5a4d6d6b"}],
        "sentAt": "2024-05-01T10:00:00.250000+00:00"}"#;
    let envelope = Envelope::read(Call::Batch, body).expect("it is read");
    assert_eq!(envelope.write_key(), Ok(None));
    let message = message(items(Call::Batch, body).remove(0));
    assert_eq!((message.anonymous_id, message.user_id.as_deref()), (None, Some("u-1")));
    assert_eq!(message.occurred_at, at("2024-05-01T09:59:59Z"));
    assert!(message.other.is_empty());
}

#[test]
fn rudder_sdk_node() {
    let body = r#"{"batch":[{"userId":"u-1","type":"identify","context":{"traits":{"email":"ada@example.com"},
        "library":{"name":"analytics-node","version":"3.0.13"}},"channel":"server","originalTimestamp":"2024-05-01T09:00:00.000Z",
        "_metadata":{"nodeVersion":"22.1.0"},"messageId":"node-1","sentAt":"2024-05-01T09:00:10.000Z"}],
        "sentAt":"2031-01-01T00:00:00.000Z"}"#;
    let message = message(items(Call::Batch, body).remove(0));
    assert_eq!(message.traits.as_json().clone(), json!({"email": "ada@example.com"}));
    assert_eq!(
        message.context.as_json().clone(),
        json!({"library": {"name": "analytics-node", "version": "3.0.13"}})
    );
    // The item's own `sentAt` counts, not the batch's.
    assert_eq!(message.occurred_at, at("2024-05-01T09:59:50Z"));
}

#[test]
fn segment_analytics_next_sends_single_items() {
    let body = r#"{"timestamp":"2024-05-01T09:59:58.000Z","integrations":{"Segment.io":true},"userId":"u-1","anonymousId":"a-1",
        "type":"page","name":"Home","category":"Shop","properties":{"path":"/","title":"Home"},"context":{"page":{"path":"/"}},
        "messageId":"ajs-next-1714557598000-8e1f","writeKey":"pk_test_abc","sentAt":"2024-05-01T10:00:00.000Z","_metadata":{}}"#;
    let call = Call::One(MessageKind::Page);
    let envelope = Envelope::read(call, body).expect("it is read");
    assert_eq!(envelope.write_key(), Ok(Some("pk_test_abc")));
    let message = message(items(call, body).remove(0));
    assert_eq!(message.event.as_deref(), Some("Home"));
    assert_eq!(
        message.other.as_json().clone(),
        json!({"_metadata": {}, "category": "Shop", "integrations": {"Segment.io": true}})
    );
}

// ---- meaning -------------------------------------------------------------------------------------------

#[test]
fn batch_context_fills_in_what_an_item_lacks() {
    let body = r#"{"batch":[{"type":"track","event":"E","userId":"u","context":{"ip":"1.1.1.1","library":{"name":"own"}}},
        {"type":"track","event":"E","userId":"u"}],
        "context":{"ip":"9.9.9.9","app":{"name":"shop"},"library":{"version":"1"}}}"#;
    let contexts: Vec<Value> =
        items(Call::Batch, body).into_iter().map(|item| message(item).context.as_json().clone()).collect();
    assert_eq!(
        contexts,
        [
            json!({"ip": "1.1.1.1", "app": {"name": "shop"}, "library": {"name": "own"}}),
            json!({"ip": "9.9.9.9", "app": {"name": "shop"}, "library": {"version": "1"}}),
        ]
    );
}

#[test]
fn times() {
    for (call, item, expected) in [
        (Call::Batch, r#""timestamp":"2024-05-01T09:00:00Z""#, "2024-05-01T08:59:00Z"),
        (Call::Import, r#""timestamp":"1997-01-01T00:00:00Z""#, "1997-01-01T00:00:00Z"),
        (Call::Import, r#""timestamp":"2050-01-01T00:00:00Z""#, RECEIVED),
        (Call::Batch, r#""timestamp":"2024-05-01T12:00:00Z""#, RECEIVED),
        (Call::Batch, r#""timestamp":null"#, RECEIVED),
        (
            Call::Batch,
            r#""timestamp":"1999-01-01T00:00:00Z","originalTimestamp":"2024-05-01T09:00:00Z""#,
            "2024-05-01T08:59:00Z",
        ),
        (Call::Batch, r#""timestamp":"2024-05-01T09:00:00Z","sentAt":"2024-05-01T09:00:00Z""#, RECEIVED),
    ] {
        let body = format!(
            r#"{{"sentAt":"2024-05-01T10:01:00Z","batch":[{{"type":"track","event":"E","userId":"u",{item}}}]}}"#
        );
        assert_eq!(message(items(call, &body).remove(0)).occurred_at, at(expected), "{item}");
    }
    let body = r#"{"batch":[{"type":"track","event":"E","userId":"u","timestamp":"1997-01-01T00:00:00Z"}]}"#;
    assert_eq!(message(items(Call::Batch, body).remove(0)).occurred_at, at("1997-01-01T00:00:00Z"));
}

#[test]
fn what_clients_leave_out_or_write_oddly() {
    let got = message(one(r#"{"type":"track","event":"E","userId":12345,"anonymousId":"","messageId":null,
        "properties":null,"context":null,"integrations":null,"name":"kept"}"#));
    assert_eq!(got.user_id.as_deref(), Some("12345"));
    assert_eq!((got.anonymous_id, got.message_id.as_str()), (None, "made-up"));
    assert_eq!(got.other.as_json().clone(), json!({"name": "kept"}));

    let got =
        message(one(r#"{"type":"identify","userId":"u","traits":{"a":1},"context":{"traits":{"a":2}}}"#));
    assert_eq!(got.traits.as_json().clone(), json!({"a": 1}));
    assert_eq!(got.context.as_json().clone(), json!({"traits": {"a": 2}}));

    let got = message(one(r#"{"type":"group","userId":"u","groupId":"g","traits":{"name":"ACME"}}"#));
    assert_eq!((got.kind, got.other.as_json().clone()), (MessageKind::Group, json!({"groupId": "g"})));

    let got = message(one(r#"{"type":"alias","userId":"u","previousId":"a"}"#));
    assert_eq!(got.previous_id.as_deref(), Some("a"));

    let got = message(one(r#"{"type":"page","anonymousId":"a"}"#));
    assert_eq!((got.kind, got.event), (MessageKind::Page, None));

    let id = "é".repeat(99);
    let got = message(one(&format!(r#"{{"type":"screen","userId":"u","messageId":"{id}"}}"#)));
    assert_eq!(got.message_id, id);
    // The context of a track keeps its traits.
    let got = message(one(r#"{"type":"track","event":"E","userId":"u","context":{"traits":{"a":1}}}"#));
    assert_eq!((got.traits.len(), got.context.as_json().clone()), (0, json!({"traits": {"a": 1}})));
}

#[test]
fn secrets_are_not_kept() {
    let got = form(one(r#"{"type":"track","event":"E","userId":"u","writeKey":"wk_test_abc"}"#));
    assert!(!got.to_string().contains("wk_test_abc"), "{got}");
}

// ---- put aside -----------------------------------------------------------------------------------------

#[test]
fn malformed_items_say_everything_that_is_wrong() {
    let long = format!(r#"{{"type":"track","event":"E","userId":"u","messageId":"{}"}}"#, "x".repeat(100));
    for (text, expected) in [
        ("{}", vec!["/type is missing"]),
        (r#"{"event":"E","userId":"u"}"#, vec!["/type is missing"]),
        (r#"{"type":"trak","event":"E","userId":"u"}"#, vec!["/type `trak` is not a call"]),
        (r#"{"type":7,"userId":"u"}"#, vec!["/type expected a string, found a number"]),
        (r#"{"type":"track","event":"E"}"#, vec!["/userId is missing"]),
        (r#"{"type":"track","userId":"u"}"#, vec!["/event is missing"]),
        (r#"{"type":"track","event":"","userId":"u"}"#, vec!["/event is missing"]),
        (r#"{"type":"track","event":7,"userId":"u"}"#, vec!["/event expected a string, found a number"]),
        (r#"{"type":"track"}"#, vec!["/userId is missing", "/event is missing"]),
        (
            r#"{"type":"track","event":"E","userId":{"id":1}}"#,
            vec!["/userId expected a string, found an object"],
        ),
        (r#"{"type":"track","event":"E","userId":"a\u0000b"}"#, vec!["/userId holds a NUL"]),
        (
            r#"{"type":"track","event":"E","userId":"u","timestamp":"soon"}"#,
            vec!["/timestamp is not an ISO 8601"],
        ),
        (
            r#"{"type":"track","event":"E","userId":"u","timestamp":1714557600}"#,
            vec!["/timestamp expected an ISO"],
        ),
        (r#"{"type":"track","event":"E","userId":"u","sentAt":"x"}"#, vec!["/sentAt is not an ISO 8601"]),
        (
            r#"{"type":"track","event":"E","userId":"u","timestamp":"9999-12-31T23:59:59Z"}"#,
            vec![
                "/timestamp is not an ISO 8601 time such as 2024-05-01T10:00:00.000Z, no later than 9999-12-30T22:00:00Z",
            ],
        ),
        (
            r#"{"type":"track","event":"E","userId":"u","properties":[1]}"#,
            vec!["/properties expected an object"],
        ),
        (r#"{"type":"track","event":"E","userId":"u","context":"x"}"#, vec!["/context expected an object"]),
        (r#"{"type":"identify","userId":"u","traits":"x"}"#, vec!["/traits expected an object"]),
        (
            r#"{"type":"identify","userId":"u","context":{"traits":1}}"#,
            vec!["/context/traits expected an object"],
        ),
        (r#"{"type":"alias","userId":"u"}"#, vec!["/previousId is missing"]),
        (r#"{"type":"alias","previousId":"u","anonymousId":"a"}"#, vec!["/userId is missing"]),
        (
            r#"{"type":"track","event":"E","userId":"u","userId":"v"}"#,
            vec!["/userId this key is there twice"],
        ),
        (
            r#"{"type":"track","event":"E","userId":null,"userId":"v"}"#,
            vec!["/userId this key is there twice"],
        ),
        (
            r#"{"type":"track","event":"E","userId":"u","properties":{"a":[{"b":1,"b":2}]}}"#,
            vec!["/properties/a/0/b this key"],
        ),
        (
            r#"{"type":"track","event":"E","userId":"u","properties":{"a":"\ud83d"}}"#,
            vec!["/properties/a half of a surrogate"],
        ),
        (&long, vec!["/messageId has 100 characters"]),
    ] {
        let Item::Malformed(got) = one(text) else { panic!("taken: {text}") };
        let problems: Vec<_> =
            got.problems.iter().map(|problem| format!("{} {}", problem.pointer, problem.detail)).collect();
        assert_eq!(problems.len(), expected.len(), "{text}: {problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
        assert_eq!(got.raw, text);
    }
}

#[test]
fn one_bad_item_does_not_fail_the_batch() {
    let body = r#"{"batch":[{"type":"track","event":"E","userId":"u","messageId":"m1"},
        {"type":"track","event":"Bad","messageId":"m2"}, {"type":"identify","userId":"u","messageId":"m3"}]}"#;
    let got = items(Call::Batch, body);
    assert!(matches!((&got[0], &got[2]), (Item::Message(_), Item::Message(_))));
    let Item::Malformed(bad) = &got[1] else { panic!("taken") };
    assert_eq!((bad.message_id.as_deref(), bad.name.as_deref()), (Some("m2"), Some("Bad")));
    assert_eq!(bad.raw, r#"{"type":"track","event":"Bad","messageId":"m2"}"#);
}

#[test]
fn a_batch_whose_time_of_sending_is_wrong_is_kept() {
    let body = r#"{"batch":[{"type":"track","event":"E","userId":"u"}],"sentAt":"noon"}"#;
    let Item::Malformed(bad) = items(Call::Batch, body).remove(0) else { panic!("taken") };
    assert_eq!(bad.problems[0].pointer, "/sentAt");
}

#[test]
fn the_path_and_the_type_must_agree() {
    let call = Call::One(MessageKind::Track);
    assert_eq!(message(items(call, r#"{"event":"E","userId":"u"}"#).remove(0)).kind, MessageKind::Track);
    let Item::Malformed(bad) = items(call, r#"{"type":"identify","event":"E","userId":"u"}"#).remove(0)
    else {
        panic!("taken");
    };
    assert!(bad.problems[0].detail.contains("path of another call"));
}

// ---- refused -------------------------------------------------------------------------------------------

#[test]
fn what_is_not_a_batch_is_refused_whole() {
    for (text, expected) in [
        ("", "line 1, column 1: expected an object, but the text ends here"),
        (
            "{\"batch\": [{\"type\": \"track\", \"userId\": \"u",
            "line 1, column 42 (item 0 of the batch): expected the end of a string",
        ),
        (
            "{\"batch\": [\n {\"type\": \"track\"},\n {\"type\" \"track\"}]}",
            "line 3, column 10 (item 1 of the batch): expected a colon",
        ),
        (
            "{\"batch\": [{\"type\": \"track\"}",
            "line 1, column 29: expected a comma or `]`, but the text ends",
        ),
        ("{\"batch\": [1]}", "line 1, column 12 (item 0 of the batch): expected an object, found a number"),
        ("{\"batch\": [null]}", "line 1, column 12 (item 0 of the batch): expected an object, found null"),
        ("{\"batch\": {}}", "line 1, column 11: expected an array"),
        ("[]", "line 1, column 1: expected an object"),
        ("{}", "there is no `batch`"),
        ("{\"batch\": [], \"batch\": []}", "line 1, column 23: `batch` is there twice"),
        ("{\"batch\": [], \"context\": 1}", "line 1, column 27: expected the batch's `context`"),
        ("{\"batch\": []} x", "line 1, column 15: expected the end of the text"),
    ] {
        let refused = Envelope::read(Call::Batch, text).map(drop).expect_err(text).to_string();
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
}

#[test]
fn limits_are_exact() {
    let event = |bytes: usize| {
        let frame = r#"{"type":"track","event":"E","userId":"u","properties":{"a":""}}"#.len();
        format!(
            r#"{{"type":"track","event":"E","userId":"u","properties":{{"a":"{}"}}}}"#,
            "x".repeat(bytes - frame)
        )
    };
    let batch = |item: &str| format!("{{\"batch\":[{{}},{item}]}}");
    assert!(Envelope::read(Call::Batch, &batch(&event(EVENT_BYTES_MAX))).is_ok());
    assert_eq!(
        Envelope::read(Call::Batch, &batch(&event(EVENT_BYTES_MAX + 1))).map(drop),
        Err(Refused::EventTooLarge { item: Some(1), bytes: EVENT_BYTES_MAX + 1 })
    );
    assert_eq!(
        Envelope::read(Call::One(MessageKind::Track), &event(EVENT_BYTES_MAX + 1)).map(drop),
        Err(Refused::EventTooLarge { item: None, bytes: EVENT_BYTES_MAX + 1 })
    );
    let many = |count: usize| format!("{{\"batch\":[{}]}}", vec!["{}"; count].join(","));
    assert_eq!(items(Call::Batch, &many(ITEMS_MAX)).len(), ITEMS_MAX);
    assert_eq!(Envelope::read(Call::Batch, &many(ITEMS_MAX + 1)).map(drop), Err(Refused::TooMany));
    assert!(items(Call::Batch, "{\"batch\":[]}").is_empty());
}

#[test]
fn write_keys_must_agree() {
    for (text, expected) in [
        (r#"{"batch":[]}"#, Ok(None)),
        (r#"{"batch":[],"writeKey":"a"}"#, Ok(Some("a"))),
        (r#"{"batch":[{"writeKey":"a"},{"writeKey":"a"},{}]}"#, Ok(Some("a"))),
        (r#"{"batch":[{"writeKey":"a"}],"writeKey":"b"}"#, Err(Refused::KeysDisagree)),
        (r#"{"batch":[{"writeKey":"a"},{"writeKey":"b"}]}"#, Err(Refused::KeysDisagree)),
    ] {
        let envelope = Envelope::read(Call::Batch, text).expect(text);
        assert_eq!(envelope.write_key(), expected, "{text}");
    }
}
