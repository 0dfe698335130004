//! Values from JSON and to JSON.

use super::*;

#[test]
fn json_becomes_what_is_declared() {
    use ValueType::{Any, Bool, Decimal, Duration, Int, List, Object, String, Timestamp};
    let list = |of: ValueType| List(Box::new(of));
    let object = Object([("price".into(), (Decimal, true))].into());
    for (json, of_type, expected) in [
        ("true", Bool, Some("true")),
        ("1", Bool, None),
        ("5", Int, Some("5")),
        ("5.0", Int, Some("5")),
        ("5e0", Int, Some("5")),
        ("5.5", Int, None),
        ("9223372036854775807", Int, Some("9223372036854775807")),
        ("9223372036854775808", Int, None),
        ("\"5\"", Int, None),
        ("59.99", Decimal, Some("59.99")),
        ("5", Decimal, Some("5.0")),
        ("1.10", Decimal, Some("1.1")),
        ("\"59.99\"", Decimal, Some("59.99")),
        ("\"-3\"", Decimal, Some("-3.0")),
        ("\"5e3\"", Decimal, None),
        ("\"NaN\"", Decimal, None),
        ("1e999", Decimal, None),
        ("\"a\"", String, Some("\"a\"")),
        ("1", String, None),
        ("\"2024-01-31T12:00:00+02:00\"", Timestamp, Some("\"2024-01-31T10:00:00Z\"")),
        ("\"yesterday\"", Timestamp, None),
        ("\"90m\"", Duration, Some("\"5400s\"")),
        ("\"-1.5s\"", Duration, Some("\"-1.5s\"")),
        ("[1, 2]", list(Int), Some("[1,2]")),
        ("[1, \"a\"]", list(Int), None),
        (
            "{\"price\": \"1.50\", \"other\": [null, 1]}",
            object.clone(),
            Some("{\"other\":[null,1],\"price\":1.5}"),
        ),
        ("{\"price\": true}", object, Some("{}")),
        ("null", Any, None),
        ("null", Int, None),
        ("1", Any, Some("1")),
        ("1.0", Any, Some("1.0")),
        ("\"1.0\"", Any, Some("\"1.0\"")),
    ] {
        let parsed: serde_json::Value = serde_json::from_str(json).expect("it is JSON");
        let value = Value::from_json(&parsed, &of_type);
        assert_eq!(
            value.as_ref().map(|value| value.to_json().to_string()).as_deref(),
            expected,
            "{json} as {of_type}"
        );
        // What came in untyped is brought to the same when it is read.
        let later = Value::from_json(&parsed, &Any).and_then(|value| value.fit(&of_type));
        if json != "9223372036854775808" {
            assert_eq!(later, value, "{json} as {of_type}, later");
        }
    }
}
