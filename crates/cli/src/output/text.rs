//! Values as text that is safe to show on a terminal.

use serde_json::Value;

/// Text without the characters that steer a terminal: what customers sent is shown, never obeyed.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A value in a cell or a line: text bare, nothing as `-`, the rest as JSON.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) if text.is_empty() => "-".into(),
        Value::String(text) => visible(text),
        Value::Array(items) if items.is_empty() => "-".into(),
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        Value::Object(fields) if fields.is_empty() => "-".into(),
        Value::Object(fields) if fields.values().all(|item| !item.is_array() && !item.is_object()) => fields
            .iter()
            .map(|(name, value)| format!("{}={}", visible(name), cell(value)))
            .collect::<Vec<_>>()
            .join(" "),
        other => visible(&other.to_string()),
    }
}

/// The value at a JSON pointer, as [`cell`].
pub(crate) fn at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map_or_else(|| "-".into(), cell)
}

/// A time to the second, in UTC; anything else as it is.
pub(crate) fn moment(value: &Value, pointer: &str) -> String {
    let text = at(value, pointer);
    text.parse::<jiff::Timestamp>().map_or(text, |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// The first twelve characters of a hash: enough to tell them apart.
pub(crate) fn short(value: &Value, pointer: &str) -> String {
    at(value, pointer).chars().take(12).collect()
}

/// Thousands apart, as people read numbers.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// A number field, thousands apart.
pub(crate) fn number(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_i64).map_or_else(|| at(value, pointer), count)
}

/// `1 thing`, `2 things`.
pub(crate) fn plural(number: usize, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {many}", count(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_in_cells() {
        for (value, expected) in [
            (json!(null), "-"),
            (json!(""), "-"),
            (json!([]), "-"),
            (json!("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c"),
            (json!(["read", "members"]), "read, members"),
            (json!({"a": 1, "b": "x"}), "a=1 b=x"),
            (json!({"a": {"b": 1}}), r#"{"a":{"b":1}}"#),
            (json!(true), "true"),
        ] {
            assert_eq!(cell(&value), expected);
        }
    }

    #[test]
    fn numbers_and_times() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (-2_453_159, "-2,453,159")] {
            assert_eq!(count(number), expected);
        }
        let value = json!({"at": "1997-01-05T12:00:00.123Z", "n": 69659, "x": "soon"});
        assert_eq!(moment(&value, "/at"), "1997-01-05 12:00:00Z");
        assert_eq!(moment(&value, "/x"), "soon");
        assert_eq!(number(&value, "/n"), "69,659");
        assert_eq!(at(&value, "/nowhere"), "-");
    }
}
