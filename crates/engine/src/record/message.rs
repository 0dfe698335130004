//! A message as bodies of format 2 keep it: what its JSON form says, laid out so that reading it back parses no JSON.
//! Postcard of a frozen shape, in which a JSON value is a variant with its content; numbers stay the texts that they
//! were written as.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    Undecodable,
    form::{bad, code, put, take_front, word},
};
use crate::{
    Fields, Message, MessageKind, Source,
    fields::packed::{Names, kind},
};

const KINDS: [MessageKind; 6] = [
    MessageKind::Track,
    MessageKind::Identify,
    MessageKind::Page,
    MessageKind::Screen,
    MessageKind::Group,
    MessageKind::Alias,
];

const SOURCES: [Source; 3] = [Source::Server, Source::Browser, Source::Import];

/// Seconds since 1970, and nanoseconds with the same sign: a payload keeps times as they came.
#[derive(Serialize, Deserialize)]
struct Moment(i64, i32);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.as_second(), at.subsec_nanosecond())
    }
}

impl Moment {
    fn read(self) -> Result<Timestamp, Undecodable> {
        Timestamp::new(self.0, self.1).map_err(|_| bad("a time is out of range"))
    }
}

/// What comes before the fields.
#[derive(Serialize, Deserialize)]
struct HeadForm<'a> {
    message_id: &'a str,
    kind: u8,
    source: u8,
    user_id: Option<&'a str>,
    anonymous_id: Option<&'a str>,
    previous_id: Option<&'a str>,
    event: Option<&'a str>,
    occurred_at: Moment,
    received_at: Moment,
}

pub(super) fn encode(message: &Message) -> Vec<u8> {
    let head = HeadForm {
        message_id: &message.message_id,
        kind: code(&KINDS, &message.kind),
        source: code(&SOURCES, &message.source),
        user_id: message.user_id.as_deref(),
        anonymous_id: message.anonymous_id.as_deref(),
        previous_id: message.previous_id.as_deref(),
        event: message.event.as_deref(),
        occurred_at: message.occurred_at.into(),
        received_at: message.received_at.into(),
    };
    let fields = [&message.properties, &message.traits, &message.context, &message.other];
    put(Vec::with_capacity(512), &(head, fields.map(|fields| FieldsForm(fields))))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Message, Undecodable> {
    let (head, fields) = take_front::<HeadForm<'_>>(bytes)?;
    let kept: Arc<[u8]> = fields.into();
    let mut end = 0;
    let mut next = || {
        let begin = end;
        let (names, end_here) = Names::read(&kept, begin).ok_or_else(|| bad("the fields of a message"))?;
        end = end_here;
        Ok::<_, Undecodable>(Fields::packed(Arc::clone(&kept), begin, names))
    };
    let (properties, traits, context, other) = (next()?, next()?, next()?, next()?);
    if end != kept.len() {
        return Err(bad("bytes are left over"));
    }
    let text = |text: Option<&str>| text.map(str::to_owned);
    Ok(Message {
        message_id: head.message_id.to_owned(),
        kind: word(&KINDS, head.kind)?,
        user_id: text(head.user_id),
        anonymous_id: text(head.anonymous_id),
        previous_id: text(head.previous_id),
        event: text(head.event),
        properties,
        traits,
        context,
        occurred_at: head.occurred_at.read()?,
        received_at: head.received_at.read()?,
        source: word(&SOURCES, head.source)?,
        other,
    })
}

/// The variants of a JSON value, by their place.
const NAME: &str = "Json";
const VARIANTS: [&str; 7] = ["null", "false", "true", "number", "text", "list", "object"];

struct JsonForm<'a>(&'a Value);

impl Serialize for JsonForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit_variant(NAME, kind::NULL.into(), VARIANTS[0]),
            Value::Bool(false) => serializer.serialize_unit_variant(NAME, kind::FALSE.into(), VARIANTS[1]),
            Value::Bool(true) => serializer.serialize_unit_variant(NAME, kind::TRUE.into(), VARIANTS[2]),
            Value::Number(number) => {
                serializer.serialize_newtype_variant(NAME, kind::NUMBER.into(), VARIANTS[3], number.as_str())
            }
            Value::String(text) => {
                serializer.serialize_newtype_variant(NAME, kind::TEXT.into(), VARIANTS[4], text)
            }
            Value::Array(items) => {
                serializer.serialize_newtype_variant(NAME, kind::LIST.into(), VARIANTS[5], &ItemsForm(items))
            }
            Value::Object(fields) => serializer.serialize_newtype_variant(
                NAME,
                kind::OBJECT.into(),
                VARIANTS[6],
                &FieldsForm(fields),
            ),
        }
    }
}

struct ItemsForm<'a>(&'a [Value]);

impl Serialize for ItemsForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(JsonForm))
    }
}

struct FieldsForm<'a>(&'a Map<String, Value>);

impl Serialize for FieldsForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, JsonForm(value))))
    }
}
