//! The fields of an item that the protocol names, each in its slot; the rest beside them.

use std::borrow::Cow;

use engine::admit::Problem;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::time;

/// A field that the protocol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Type,
    MessageId,
    UserId,
    AnonymousId,
    PreviousId,
    Event,
    Name,
    Properties,
    Traits,
    Context,
    Timestamp,
    OriginalTimestamp,
    SentAt,
    WriteKey,
    Integrations,
}

const NAMES: [&str; 15] = [
    "type",
    "messageId",
    "userId",
    "anonymousId",
    "previousId",
    "event",
    "name",
    "properties",
    "traits",
    "context",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "writeKey",
    "integrations",
];

/// An item's fields. Slots are `None` when absent; `null` counts as absent when a slot is taken.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    slots: [Option<Value>; NAMES.len()],
    other: Map<String, Value>,
}

impl Fields {
    /// Keeps a field. `false` when it had been there before.
    pub(crate) fn put(&mut self, key: Cow<'_, str>, value: Value) -> bool {
        match NAMES.iter().position(|name| *name == key) {
            Some(slot) => self.slots[slot].replace(value).is_none(),
            None => self.other.insert(key.into_owned(), value).is_none(),
        }
    }

    /// A field as it stands.
    pub(crate) fn get(&self, field: Field) -> Option<&Value> {
        self.slots[field as usize].as_ref()
    }

    fn take(&mut self, field: Field) -> Option<Value> {
        self.slots[field as usize].take().filter(|value| !value.is_null())
    }

    /// A text; empty counts as absent.
    pub(crate) fn text(&mut self, field: Field, problems: &mut Vec<Problem>) -> Option<String> {
        match self.take(field)? {
            Value::String(text) => sound(field, text, problems),
            other => wrong(field, "a string", &other, problems),
        }
    }

    /// An id: a text, or a number as it was written.
    pub(crate) fn id(&mut self, field: Field, problems: &mut Vec<Problem>) -> Option<String> {
        match self.take(field)? {
            Value::String(text) => sound(field, text, problems),
            Value::Number(number) => Some(number.to_string()),
            other => wrong(field, "a string", &other, problems),
        }
    }

    /// An object; absent is empty.
    pub(crate) fn object(&mut self, field: Field, problems: &mut Vec<Problem>) -> Map<String, Value> {
        match self.take(field) {
            None => Map::new(),
            Some(Value::Object(map)) => map,
            Some(other) => wrong(field, "an object", &other, problems).unwrap_or_default(),
        }
    }

    /// A time.
    pub(crate) fn time(&mut self, field: Field, problems: &mut Vec<Problem>) -> Option<Timestamp> {
        let value = self.take(field)?;
        match &value {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => time::parse(text).or_else(|| {
                let detail = format!("is not {}", time::READ);
                problems.push(Problem { pointer: pointer(field), detail });
                None
            }),
            other => wrong(field, "an ISO 8601 time in a string", other, problems),
        }
    }

    /// Everything that no slot was taken for, so that nothing is lost: unknown fields, `integrations`
    /// unless empty, a track's `name`. Keys and what was only needed to receive it are not kept.
    pub(crate) fn rest(mut self) -> Map<String, Value> {
        for field in [Field::Event, Field::Name, Field::Integrations] {
            match self.take(field) {
                None => {}
                Some(Value::Object(map)) if map.is_empty() => {}
                Some(value) => {
                    self.other.insert(NAMES[field as usize].to_owned(), value);
                }
            }
        }
        self.other
    }
}

fn pointer(field: Field) -> String {
    format!("/{}", NAMES[field as usize])
}

fn sound(field: Field, text: String, problems: &mut Vec<Problem>) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if text.contains('\0') {
        problems.push(Problem { pointer: pointer(field), detail: "holds a NUL character".into() });
        return None;
    }
    Some(text)
}

fn wrong<T>(field: Field, wanted: &str, found: &Value, problems: &mut Vec<Problem>) -> Option<T> {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    problems.push(Problem { pointer: pointer(field), detail: format!("expected {wanted}, found {found}") });
    None
}
