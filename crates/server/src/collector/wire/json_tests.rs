use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<(Value, Vec<Flaw>), Broken> {
    let mut reader = Reader::new(text);
    let from = reader.begin();
    let value = reader.value()?;
    let (_, flaws) = reader.end(from);
    reader.finish()?;
    Ok((value, flaws))
}

#[test]
fn reads_what_json_allows_and_keeps_numbers_as_written() {
    for (text, expected) in [
        ("null", "null"),
        (" [true, false ,{}, [] ]\n", "[true,false,{},[]]"),
        ("1.10", "1.10"),
        ("-0", "-0"),
        ("123456789012345678901234567890.50", "123456789012345678901234567890.50"),
        (r#""\u00e9\ud83d\ude00\/\n""#, "\"é😀/\\n\""),
        ("\u{feff}{\"a\":1}", "{\"a\":1}"),
        (r#"{"":{"é":"\u0000"}}"#, r#"{"":{"é":"\u0000"}}"#),
    ] {
        let (value, flaws) = read(text).unwrap_or_else(|broken| panic!("{text}: {broken:?}"));
        assert_eq!(value.to_string(), expected, "{text}");
        assert!(flaws.is_empty(), "{text}");
    }
}

#[test]
fn says_where_and_why_it_is_not_json() {
    for (text, offset, what) in [
        ("", 0, "a value, but the text ends here"),
        ("{\"a\": tru}", 6, "`true`"),
        ("{\"a\" 1}", 5, "a colon, found `1`"),
        ("{a: 1}", 1, "a key in quotes"),
        ("{\"a\": 1,}", 8, "a key in quotes"),
        ("[1,]", 3, "a value"),
        ("[1 2]", 3, "a comma or `]`"),
        ("\"abc", 4, "the end of a string, but the text ends here"),
        ("\"a\nb\"", 2, "control character"),
        ("\"\\x\"", 2, "an escape"),
        ("\"\\u12\"", 3, "four hexadecimal digits"),
        ("\"\\u12g4\"", 3, "four hexadecimal digits"),
        ("01", 1, "the end of the text"),
        ("1.", 2, "a digit"),
        ("-", 1, "a digit"),
        ("1e", 2, "a digit"),
        ("+1", 0, "a value"),
        ("NaN", 0, "a value"),
        ("{} {}", 3, "the end of the text"),
    ] {
        let broken = read(text).expect_err(text);
        assert_eq!(broken.offset, offset, "{text}: {}", broken.what);
        assert!(broken.what.contains(what), "{text}: {}", broken.what);
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(&nested(DEPTH_MAX)).is_ok());
    let broken = read(&nested(DEPTH_MAX + 1)).expect_err("too deep");
    assert!(broken.what.contains("in each other"), "{}", broken.what);
    assert!(read(&"[{\"a\":".repeat(100_000)).is_err());
}

#[test]
fn flaws_say_where() {
    for (text, expected) in [
        (r#"{"a":1,"a":2}"#, vec!["/a"]),
        (r#"{"a":{"b":[{"c/d":1,"c/d":1,"c/d":1}]},"x":1,"x":2}"#, vec!["/a/b/0/c~1d", "/a/b/0/c~1d", "/x"]),
        (r#"{"a":["ok","\ud800"]}"#, vec!["/a/1"]),
        (r#"{"a":"\ude00\ud83d"}"#, vec!["/a", "/a"]),
        (r#"{"a":"\ud83d\ud83d\ude00"}"#, vec!["/a"]),
        (r#"{"a":{"$serde_json::private::Number":"x"}}"#, vec!["/a/$serde_json::private::Number"]),
    ] {
        let (_, flaws) = read(text).expect(text);
        let pointers: Vec<_> = flaws.iter().map(|flaw| flaw.pointer.as_str()).collect();
        assert_eq!(pointers, expected, "{text}");
    }
}

#[test]
fn places_are_in_lines_and_characters() {
    let text = "ab\nçé}\n";
    let at = text.find('}').expect("it is there");
    assert_eq!(place(text, at), (2, 3));
    assert_eq!(place(text, 0), (1, 1));
    assert_eq!(place(text, text.len()), (3, 1));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map(".{0,6}", inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// The oracle: what `serde_json` writes we read as it does.
    #[test]
    fn reads_what_serde_writes(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.expect("a value is JSON");
        let (read, flaws) = read(&text).expect("it is JSON");
        prop_assert_eq!(read, value);
        prop_assert!(flaws.is_empty());
    }

    /// Broken text: we refuse what it refuses and take what it takes (but for what only we call a flaw).
    #[test]
    fn refuses_what_serde_refuses(value in any_json(), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let text = value.to_string();
        let mut bytes = text.into_bytes();
        let at = cut.index(bytes.len());
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            let ours = read(&text);
            let theirs = serde_json::from_str::<Value>(&text);
            let flawed = ours.as_ref().is_ok_and(|(_, flaws)| !flaws.is_empty());
            prop_assert!(flawed || ours.is_ok() == theirs.is_ok(), "{text}: {ours:?} / {theirs:?}");
        }
    }

    /// Whatever comes: an answer, never a panic.
    #[test]
    fn never_panics(text in "[\\[\\]{}\",:0-9eE.+\\\\u\\- a-fé\u{feff}]{0,64}") {
        let _ = read(&text);
    }
}
