//! JSON as YAML that people like to read. What is written reads back as exactly the same value.

use serde_json::Value;

use crate::document::number;

/// Lines longer than this are folded where that is possible.
const WIDTH: usize = 100;

/// The order of fields inside specs, where it helps a reader. Others follow, sorted.
const ORDER: &[&str] = &[
    "$schema",
    "title",
    "trigger",
    "event",
    "audience_entered",
    "audience_left",
    "type",
    "format",
    "currency",
    "trait",
    "url",
    "secret",
    "template",
    "channel",
    "amount",
    "of",
    "rate",
    "rounding",
    "from",
    "until",
    "count",
    "required",
    "additionalProperties",
];

/// Writes a value after `name:`, beginning with the space or line break between them.
pub(super) fn write(value: &Value, first: &[&str], out: &mut String) {
    Writer { first }.value(value, 0, out);
}

struct Writer<'a> {
    /// The order of the outermost fields.
    first: &'a [&'a str],
}

impl Writer<'_> {
    fn value(&self, value: &Value, indent: usize, out: &mut String) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                out.push('\n');
                self.fields(value, indent + 2, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                for item in items {
                    self.item(item, indent + 2, out);
                }
            }
            Value::String(text) => {
                out.push(' ');
                string(text, indent + 2, out);
                out.push('\n');
            }
            scalar => {
                out.push(' ');
                out.push_str(&scalar.to_string());
                out.push('\n');
            }
        }
    }

    fn item(&self, item: &Value, indent: usize, out: &mut String) {
        out.push_str(&" ".repeat(indent));
        out.push('-');
        match item {
            // The first field goes beside the dash.
            Value::Object(fields) if !fields.is_empty() => {
                out.push(' ');
                let mut inner = String::new();
                self.fields(item, indent + 2, &mut inner);
                out.push_str(inner.trim_start_matches(' '));
            }
            item => self.value(item, indent, out),
        }
    }

    fn fields(&self, object: &Value, indent: usize, out: &mut String) {
        let order = if indent == 2 { self.first } else { ORDER };
        let rank = |name: &str| order.iter().position(|known| *known == name).unwrap_or(order.len());
        let mut fields: Vec<(&String, &Value)> = object.as_object().into_iter().flatten().collect();
        fields.sort_by_key(|(name, _)| (rank(name), *name));
        for (name, value) in fields {
            out.push_str(&" ".repeat(indent));
            if is_plain(name) {
                out.push_str(name);
            } else {
                quoted(name, out);
            }
            out.push(':');
            self.value(value, indent, out);
        }
    }
}

fn string(text: &str, indent: usize, out: &mut String) {
    if text.contains('\n') && is_literal(text) {
        out.push_str("|-");
        for line in text.split('\n') {
            out.push('\n');
            if !line.is_empty() {
                out.push_str(&" ".repeat(indent));
                out.push_str(line);
            }
        }
    } else if let Some(lines) = folded(text, WIDTH.saturating_sub(indent)) {
        out.push_str(">-");
        for line in lines {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
    } else if is_plain(text) {
        out.push_str(text);
    } else {
        quoted(text, out);
    }
}

/// JSON's quoting is YAML's; what JSON leaves bare but YAML does not print is escaped.
fn quoted(text: &str, out: &mut String) {
    for character in Value::from(text).to_string().chars() {
        if is_printable(character) {
            out.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    let digit = u32::from(*unit >> shift & 0xf);
                    out.extend(char::from_digit(digit, 16));
                }
            }
        }
    }
}

fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a text can stand without quotes, for readers of YAML 1.1 and 1.2 alike.
fn is_plain(text: &str) -> bool {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let lower = text.to_ascii_lowercase();
    begins_well
        && text.chars().all(|c| is_printable(c) && c != '\u{a0}')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !number::is_number(text)
        && !matches!(lower.as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n")
}

/// Whether a text of several lines can stand as a literal block.
fn is_literal(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || is_printable(c))
        && text.starts_with(|c: char| !c.is_whitespace())
        && text.split('\n').all(|line| !line.ends_with(char::is_whitespace))
        && !text.ends_with('\n')
}

/// A long text on several lines, broken at single spaces that folding turns back into spaces.
fn folded(text: &str, width: usize) -> Option<Vec<&str>> {
    let breakable = text.chars().all(is_printable)
        && text.starts_with(|c: char| !c.is_whitespace())
        && !text.ends_with(char::is_whitespace);
    if !breakable || text.chars().count() <= width {
        return None;
    }
    let mut lines = Vec::new();
    let mut begins = 0;
    let mut last_space = None;
    let bytes = text.as_bytes();
    let mut column = 0;
    for (at, character) in text.char_indices() {
        let single = character == ' ' && bytes.get(at + 1) != Some(&b' ') && bytes[at - 1] != b' ';
        if single {
            last_space = Some(at);
        }
        column += 1;
        if column > width
            && let Some(space) = last_space.take()
        {
            lines.push(&text[begins..space]);
            begins = space + 1;
            column = text.get(begins..at + character.len_utf8()).map_or(0, |rest| rest.chars().count());
        }
    }
    lines.push(&text[begins..]);
    (lines.len() > 1).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{canonical, document::parse::parse};
    use serde_json::json;

    fn back(value: &Value) {
        let mut text = "spec:".to_owned();
        write(value, &["z", "a"], &mut text);
        let (documents, faults) = parse(&text);
        assert!(faults.is_empty(), "{faults:?}\n{text}");
        let read = documents[0].field("spec").expect("has a spec").to_json();
        assert_eq!(canonical::write(&read), canonical::write(value), "\n{text}");
    }

    #[test]
    fn values_come_back() {
        for text in [
            "plain",
            "yes",
            "on",
            "null",
            "1.5",
            "",
            " ",
            "a: b",
            "a #b",
            "- a",
            "'a'",
            "\"a\"",
            "a\nb",
            "a\n\n b\nc",
            "\na",
            "a\n",
            "a \nb",
            "tab\there",
            "a\r\nb",
            "é",
            "\u{7f}\u{85}\u{2028}\u{feff}",
            "😀",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "{a}",
            "[a]",
            "a:",
            "~",
            "2026-01-01T00:00:00Z",
            "---",
            "...",
            "? a",
            "a\n# b",
            "#",
            "profile.metrics.orders == 5 ? 'a: b' : \"c #\"",
        ] {
            back(&json!({"a": text, "list": [text, [text], {"x": text, "y": [text]}]}));
            back(&json!({text: 1}));
        }
        let long =
            "profile.metrics.lifetime_spend > 500.0 && profile.metrics.orders >= 5 && ".repeat(5) + "true";
        back(&json!({"a": long}));
        back(&json!({"a": long.replace(' ', "  ")}));
        back(&json!({"a": long.replace("&& ", "&&  ")}));
        back(&json!({"a": [], "b": {}, "c": [[], {}], "d": [[1, 2], [{"a": 1}]], "e": null, "f": true}));
    }

    #[test]
    fn it_reads_well() {
        let long = "event.properties.total >= 30.0 && profile.metrics.orders >= 5 && in_audience('big_spenders') && x";
        let value = json!({
            "actions": [{"award": {"rate": 2, "currency": "points", "of": "properties.total"}}],
            "condition": long,
            "trigger": {"event": "order_completed"},
            "description": "One.\nTwo: three.",
        });
        let mut text = "spec:".to_owned();
        write(&value, &["description", "trigger", "condition", "actions"], &mut text);
        let expected = "\
spec:
  description: |-
    One.
    Two: three.
  trigger:
    event: order_completed
  condition: >-
    event.properties.total >= 30.0 && profile.metrics.orders >= 5 && in_audience('big_spenders') &&
    x
  actions:
    - award:
        currency: points
        of: properties.total
        rate: 2
";
        assert_eq!(text, expected);
    }
}
