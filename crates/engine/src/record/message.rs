//! A message as bodies of format 2 keep it: what its JSON form says, laid out so that reading it back parses no JSON.
//! Postcard of a frozen shape, in which a JSON value is a variant with its content; numbers stay the texts that they
//! were written as.

use std::fmt;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{
    Undecodable,
    form::{bad, code, put, take, word},
};
use crate::{Message, MessageKind, Source};

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

/// Written with references to the maps, read with the maps themselves.
#[derive(Serialize, Deserialize)]
struct MessageForm<'a, F> {
    message_id: &'a str,
    kind: u8,
    source: u8,
    user_id: Option<&'a str>,
    anonymous_id: Option<&'a str>,
    previous_id: Option<&'a str>,
    event: Option<&'a str>,
    occurred_at: Moment,
    received_at: Moment,
    properties: F,
    traits: F,
    context: F,
    other: F,
}

pub(super) fn encode(message: &Message) -> Vec<u8> {
    let form = MessageForm {
        message_id: &message.message_id,
        kind: code(&KINDS, &message.kind),
        source: code(&SOURCES, &message.source),
        user_id: message.user_id.as_deref(),
        anonymous_id: message.anonymous_id.as_deref(),
        previous_id: message.previous_id.as_deref(),
        event: message.event.as_deref(),
        occurred_at: message.occurred_at.into(),
        received_at: message.received_at.into(),
        properties: FieldsForm(&message.properties),
        traits: FieldsForm(&message.traits),
        context: FieldsForm(&message.context),
        other: FieldsForm(&message.other),
    };
    put(Vec::with_capacity(512), &form)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Message, Undecodable> {
    let form: MessageForm<'_, FieldsRead> = take(bytes)?;
    let text = |text: Option<&str>| text.map(str::to_owned);
    Ok(Message {
        message_id: form.message_id.to_owned(),
        kind: word(&KINDS, form.kind)?,
        user_id: text(form.user_id),
        anonymous_id: text(form.anonymous_id),
        previous_id: text(form.previous_id),
        event: text(form.event),
        properties: form.properties.0.into(),
        traits: form.traits.0,
        context: form.context.0,
        occurred_at: form.occurred_at.read()?,
        received_at: form.received_at.read()?,
        source: word(&SOURCES, form.source)?,
        other: form.other.0,
    })
}

/// The variants of a JSON value, by their place.
const NAME: &str = "Json";
const VARIANTS: [&str; 7] = ["null", "false", "true", "number", "text", "list", "object"];

/// Deeper than anything that is taken in; what is deeper is damaged.
const DEPTH_MAX: u16 = 256;

struct JsonForm<'a>(&'a Value);

impl Serialize for JsonForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit_variant(NAME, 0, VARIANTS[0]),
            Value::Bool(false) => serializer.serialize_unit_variant(NAME, 1, VARIANTS[1]),
            Value::Bool(true) => serializer.serialize_unit_variant(NAME, 2, VARIANTS[2]),
            Value::Number(number) => {
                serializer.serialize_newtype_variant(NAME, 3, VARIANTS[3], number.as_str())
            }
            Value::String(text) => serializer.serialize_newtype_variant(NAME, 4, VARIANTS[4], text),
            Value::Array(items) => {
                serializer.serialize_newtype_variant(NAME, 5, VARIANTS[5], &ItemsForm(items))
            }
            Value::Object(fields) => {
                serializer.serialize_newtype_variant(NAME, 6, VARIANTS[6], &FieldsForm(fields))
            }
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

/// Reads a JSON value, and knows how deep it lies.
#[derive(Clone, Copy)]
struct Json(u16);

impl Json {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.0 == DEPTH_MAX {
            Err(E::custom("values lie too deep in each other"))
        } else {
            Ok(Self(self.0 + 1))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Json {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_enum(NAME, &VARIANTS, self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (variant, content) = data.variant::<u32>()?;
        Ok(match variant {
            0 => {
                content.unit_variant()?;
                Value::Null
            }
            1 | 2 => {
                content.unit_variant()?;
                Value::Bool(variant == 2)
            }
            3 => {
                let text: &str = content.newtype_variant()?;
                Value::Number(text.parse().map_err(|_| Error::custom("a number is none"))?)
            }
            4 => Value::String(content.newtype_variant()?),
            5 => Value::Array(content.newtype_variant_seed(Items(self.deeper()?))?),
            6 => Value::Object(content.newtype_variant_seed(Fields(self.deeper()?))?),
            _ => return Err(Error::custom("a kind of value is not known")),
        })
    }
}

/// Reads a list of values.
struct Items(Json);

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of JSON values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Value>, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(self.0)? {
            read.push(item);
        }
        Ok(read)
    }
}

/// Reads the fields of an object.
struct Fields(Json);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut read = Map::new();
        while let Some(key) = fields.next_key()? {
            read.insert(key, fields.next_value_seed(self.0)?);
        }
        Ok(read)
    }
}

/// The fields of a message: values that lie in nothing else.
struct FieldsRead(Map<String, Value>);

impl<'de> Deserialize<'de> for FieldsRead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields(Json(0)).deserialize(deserializer).map(Self)
    }
}
