//! admit: whether a message fits what the program declares, before anything is decided.

use program::{
    Key,
    expression::{Json as _, Look, ValueType},
    kinds::event_type::{AcceptFrom, EventType, OnUnknown},
    schema::{self, Lookup},
};
use serde_json::{Map, Value as Json};

use crate::{Message, MessageKind, Rules, Source, values};

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is decided; with warnings to report.
    Accept(Vec<Problem>),
    /// It is put aside, for these reasons.
    Quarantine {
        /// `schema`, `unknown_event`, `unknown_field`, `unknown_trait`, `forbidden_source`, `number`.
        code: &'static str,
        /// Every reason.
        problems: Vec<Problem>,
    },
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// JSON pointer into the message, e.g. `/properties/total`.
    pub pointer: String,
    /// What is wrong and what was expected.
    pub detail: String,
}

/// How deep properties may nest; the protocol's size limit allows more.
const DEPTH_MAX: usize = 64;

/// What was found so far.
#[derive(Default)]
struct Found {
    /// The code of the first that puts the message aside.
    code: Option<&'static str>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Found {
    fn refuse(&mut self, code: &'static str, pointer: String, detail: String) {
        self.code.get_or_insert(code);
        self.problems.push(Problem { pointer, detail });
    }

    fn unknown(&mut self, policy: OnUnknown, code: &'static str, pointer: String, detail: String) {
        match policy {
            OnUnknown::Accept => {}
            OnUnknown::Warn => self.warnings.push(Problem { pointer, detail }),
            OnUnknown::Quarantine => self.refuse(code, pointer, detail),
        }
    }
}

/// Checks a message: source, unknown event, numbers, schema, unknown fields and traits. All that is wrong is
/// told together; the code is that of the first in this order. Pages and screens are events named `page`
/// and `screen`; nobody has to declare those.
pub fn admit(rules: &Rules, message: &Message) -> Admission {
    let mut found = Found::default();
    match event_type(rules, message) {
        Event::None => {}
        Event::Declared(key, event_type) => event(&mut found, key, event_type, message),
        Event::Unknown(name) => {
            let policy = rules.program.settings.unknown_events.unwrap_or(if rules.live {
                OnUnknown::Accept
            } else {
                OnUnknown::Quarantine
            });
            let detail = match name {
                Some(name) => format!("no event type is declared for `{name}`; declare one with this `name`"),
                None => "a track call needs the name of an event".into(),
            };
            found.unknown(policy, "unknown_event", "/event".into(), detail);
            numbers(&mut found, None, &message.properties, "/properties");
        }
        Event::Undeclared => numbers(&mut found, None, &message.properties, "/properties"),
    }
    if message.kind == MessageKind::Identify {
        numbers(&mut found, None, &message.traits, "/traits");
        traits(&mut found, rules, &message.traits);
    }
    match found.code {
        None => Admission::Accept(found.warnings),
        Some(code) => {
            found.problems.append(&mut found.warnings);
            Admission::Quarantine { code, problems: found.problems }
        }
    }
}

/// Whether two programs ask the same of the track calls of an event: what one has admitted need not be held against
/// the other again.
pub fn asks_the_same(one: &Rules, other: &Rules, event: &str) -> bool {
    let (Some((_, one)), Some((_, other))) = (declared(one, event), declared(other, event)) else {
        return false;
    };
    one.schema == other.schema
        && one.unknown_fields == other.unknown_fields
        && one.accept_from == other.accept_from
}

enum Event<'a> {
    /// Not an event.
    None,
    Declared(&'a Key, &'a EventType),
    Unknown(Option<&'a str>),
    /// A page or screen that no event type declares.
    Undeclared,
}

fn declared<'a>(rules: &'a Rules, name: &str) -> Option<(&'a Key, &'a EventType)> {
    let key = rules.program.event_names.get(name)?;
    Some((key, rules.program.event_types.get(key)?))
}

fn event_type<'a>(rules: &'a Rules, message: &'a Message) -> Event<'a> {
    match message.kind {
        MessageKind::Track => {
            let name = message.event.as_deref().filter(|name| !name.is_empty());
            match name.and_then(|name| declared(rules, name)) {
                Some((key, event_type)) => Event::Declared(key, event_type),
                None => Event::Unknown(name),
            }
        }
        MessageKind::Page | MessageKind::Screen => match declared(rules, message.kind.as_str()) {
            Some((key, event_type)) => Event::Declared(key, event_type),
            None => Event::Undeclared,
        },
        MessageKind::Identify | MessageKind::Group | MessageKind::Alias => Event::None,
    }
}

fn event(found: &mut Found, key: &Key, event_type: &EventType, message: &Message) {
    if message.source == Source::Browser && event_type.accept_from == AcceptFrom::Server {
        let detail = format!(
            "event_type/{key} is taken from server keys only (accept_from: server), this came with a browser key"
        );
        found.refuse("forbidden_source", "/event".into(), detail);
    }
    numbers(found, Some(&event_type.schema), &message.properties, "/properties");
    for (pointer, detail) in event_type.validator.problems(message.properties.as_json()) {
        found.refuse("schema", format!("/properties{pointer}"), detail);
    }
    if event_type.unknown_fields != OnUnknown::Accept {
        let mut path = Vec::new();
        unknown_fields(found, event_type, &message.properties, &mut path);
    }
}

/// A value's place in a message, from the inside out: written down only when something is wrong there.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root(&'a str),
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root(pointer) => (*pointer).to_owned(),
            Self::Field(of, name) => format!("{}/{}", of.pointer(), escaped(name)),
            Self::Item(of, at) => format!("{}/{at}", of.pointer()),
        }
    }
}

/// Numbers that cannot be kept: more than 28 significant digits, or beyond the range of a double; and, where
/// the schema says number, those that are no exact decimal of 28 digits.
fn numbers(found: &mut Found, declared: Option<&Json>, fields: &Map<String, Json>, pointer: &str) {
    let mut path = Vec::new();
    for (name, value) in fields {
        path.push(name.as_str());
        walk(found, declared, value, &mut path, &Place::Field(&Place::Root(pointer), name));
        path.pop();
    }
}

fn walk<'a>(
    found: &mut Found,
    declared: Option<&Json>,
    value: &'a Json,
    path: &mut Vec<&'a str>,
    place: &Place<'_>,
) {
    if path.len() > DEPTH_MAX {
        let detail = format!("values are nested more than {DEPTH_MAX} deep");
        return found.refuse("schema", place.pointer(), detail);
    }
    match value {
        Json::Number(number) => {
            let is_number = || {
                matches!(declared.map(|schema| schema::lookup(schema, path)), Some(Lookup::Named(named))
                    if matches!(named.of_type, ValueType::Decimal | ValueType::Int))
            };
            if !can_be_kept(number, is_number) {
                let detail = format!("{number} cannot be kept exactly: a number has at most 28 digits");
                found.refuse("number", place.pointer(), detail);
            }
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                // Items have no path of their own; what is inside them is open.
                path.push("");
                walk(found, None, item, path, &Place::Item(place, at));
                path.pop();
            }
        }
        Json::Object(fields) => {
            for (name, field) in fields {
                path.push(name);
                walk(found, declared, field, path, &Place::Field(place, name));
                path.pop();
            }
        }
        Json::Null | Json::Bool(_) | Json::String(_) => {}
    }
}

fn can_be_kept(number: &serde_json::Number, is_number: impl Fn() -> bool) -> bool {
    let text = number.as_str();
    // The usual number: so few digits, and no exponent, that nothing can go wrong.
    if text.len() <= 16 && !text.contains(['e', 'E']) {
        return true;
    }
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = digits.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    let finite = number.as_f64().is_some_and(f64::is_finite);
    digits <= 28 && finite && (values::number_decimal(text).is_some() || !is_number())
}

fn unknown_fields<'a>(
    found: &mut Found,
    event_type: &EventType,
    fields: &'a Map<String, Json>,
    path: &mut Vec<&'a str>,
) {
    for (name, value) in fields {
        path.push(name);
        match (schema::lookup(&event_type.schema, path), value) {
            (Lookup::Absent, _) => {
                let steps: Vec<String> = path.iter().map(|step| escaped(step)).collect();
                let detail = format!("the schema of this event does not name `{}`", path.join("."));
                found.unknown(
                    event_type.unknown_fields,
                    "unknown_field",
                    format!("/properties/{}", steps.join("/")),
                    detail,
                );
            }
            (Lookup::Named(_), Json::Object(inner)) if path.len() < DEPTH_MAX => {
                unknown_fields(found, event_type, inner, path);
            }
            _ => {}
        }
        path.pop();
    }
}

fn traits(found: &mut Found, rules: &Rules, traits: &Map<String, Json>) {
    for (name, value) in traits {
        let pointer = format!("/traits/{}", escaped(name));
        let key = rules.index.trait_names.get(name.as_str());
        match key.and_then(|key| Some((key, rules.program.traits.get(key)?))) {
            None => {
                let detail =
                    format!("no trait is declared for `{name}`; declare one with this name in `from`");
                found.unknown(rules.program.settings.unknown_traits, "unknown_trait", pointer, detail);
            }
            Some((key, declared)) => {
                if !value.is_null() && !values::fits(value, &declared.of_type) {
                    let expected = type_word(&declared.of_type);
                    found.refuse("schema", pointer, format!("trait/{key} is {expected}, this is `{value}`"));
                }
            }
        }
    }
}

fn type_word(of_type: &ValueType) -> &'static str {
    match of_type {
        ValueType::Bool => "true or false",
        ValueType::Int => "a whole number",
        ValueType::Decimal => "a number, or a decimal in a text such as \"59.99\"",
        ValueType::String => "a text",
        ValueType::Timestamp => {
            "a time such as \"2024-01-31T12:00:00Z\", no later than \"9999-12-30T22:00:00Z\""
        }
        ValueType::Duration => "a span of time",
        ValueType::List(_) => "a list",
        ValueType::Object(_) => "an object",
        ValueType::Any => "anything",
    }
}

/// A step of a JSON pointer (RFC 6901).
fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// The value of the event type's `unique_by` in this message, with the event type's key, if there is one. A
/// number and a text that look the same are the same value.
pub fn unique_value(rules: &Rules, message: &Message) -> Option<(Key, String)> {
    let Event::Declared(key, event_type) = event_type(rules, message) else { return None };
    let value = match message.properties.at(event_type.unique_by.as_ref()?)?.look() {
        Look::Text(text) | Look::Number(text) => text.to_owned(),
        Look::Null | Look::Bool(_) | Look::List(_) | Look::Object(_) => return None,
    };
    Some((key.clone(), value))
}
