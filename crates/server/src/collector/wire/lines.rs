//! Files of events: one item a line.

use engine::Source;
use jiff::Timestamp;

use super::{
    EVENT_BYTES_MAX, Item, Refused,
    item::{Draft, Frame},
    json::{Reader, place},
};

/// Reads lines; `first` is the number of the first one in its file. Empty lines are passed over, and counted.
/// Times are believed. An item without an id gets the one that `id` makes of its line's number, so that the
/// same line read again is the same event.
pub(crate) fn read(
    text: &str,
    first: u64,
    received_at: Timestamp,
    id: impl Fn(u64) -> String,
) -> Result<Vec<(u64, Item)>, Refused> {
    let frame = Frame {
        kind: None,
        context: None,
        sent_at: None,
        received_at,
        source: Source::Import,
        corrects: false,
    };
    let mut items = Vec::new();
    for (number, line) in (first..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let mut reader = Reader::new(line);
        let read = Draft::read(&mut reader).and_then(|draft| reader.finish().map(|()| draft));
        let draft = read.map_err(|broken| Refused::Json {
            line: usize::try_from(number).unwrap_or(usize::MAX),
            column: place(line, broken.offset).1,
            item: None,
            what: broken.what,
        })?;
        if draft.bytes() > EVENT_BYTES_MAX {
            return Err(Refused::LineTooLarge { line: number, bytes: draft.bytes() });
        }
        items.push((number, draft.finish(&frame, || id(number))));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2024-05-01T10:00:00Z".parse().expect("a time")
    }

    #[test]
    fn ids_come_from_line_numbers() {
        let line = r#"{"type":"track","event":"E","userId":"u","timestamp":"1997-01-01T00:00:00Z"}"#;
        let own = r#"{"type":"track","event":"E","userId":"u","messageId":"own"}"#;
        let text = format!("{line}\n\n{line}\r\n{own}\n{{}}\n");
        let items = read(&text, 7, now(), |line| format!("file:{line}")).expect("it reads");
        let ids: Vec<_> = items
            .iter()
            .map(|(line, item)| match item {
                Item::Message(message) => (*line, message.message_id.clone()),
                Item::Malformed(_) => (*line, "malformed".into()),
            })
            .collect();
        let expected = [(7, "file:7"), (9, "file:9"), (10, "own"), (11, "malformed")];
        assert_eq!(ids, expected.map(|(line, id)| (line, id.to_owned())));
        let Item::Message(first) = &items[0].1 else { panic!("it is well-formed") };
        assert_eq!(first.occurred_at.to_string(), "1997-01-01T00:00:00Z");
    }

    #[test]
    fn a_broken_line_is_named() {
        let refused = read("{}\n{\"type\": tru}\n", 100, now(), |_| String::new()).expect_err("refused");
        assert!(refused.to_string().starts_with("line 101, column 10: "), "{refused}");
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(EVENT_BYTES_MAX));
        let refused = read(&long, 3, now(), |_| String::new()).expect_err("refused");
        assert!(refused.to_string().starts_with("line 3 has "), "{refused}");
    }
}
