//! Values from JSON and to JSON. Numbers are read from their text, so nothing is lost on the way in.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Number, Value as Tree};

use super::{Value, ValueType, evaluate};
use crate::schema::is_decimal_text;

/// Whole numbers below this are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53

/// A JSON value, however it lies in memory.
pub trait Json<'a>: Copy {
    /// The items of a list.
    type Items: Iterator<Item = Self>;
    /// The fields of an object.
    type Fields: Iterator<Item = (&'a str, Self)>;

    /// What it is.
    fn look(self) -> Look<'a, Self>;
}

/// What a JSON value is.
pub enum Look<'a, J: Json<'a>> {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A number, as it is written.
    Number(&'a str),
    /// A text.
    Text(&'a str),
    /// A list.
    List(J::Items),
    /// An object.
    Object(J::Fields),
}

type Entry<'a> = (&'a String, &'a Tree);

fn entry((key, value): Entry<'_>) -> (&str, &Tree) {
    (key, value)
}

impl<'a> Json<'a> for &'a Tree {
    type Items = std::slice::Iter<'a, Tree>;
    type Fields = std::iter::Map<serde_json::map::Iter<'a>, fn(Entry<'a>) -> (&'a str, &'a Tree)>;

    fn look(self) -> Look<'a, Self> {
        match self {
            Tree::Null => Look::Null,
            Tree::Bool(truth) => Look::Bool(*truth),
            Tree::Number(number) => Look::Number(number.as_str()),
            Tree::String(text) => Look::Text(text),
            Tree::Array(items) => Look::List(items.iter()),
            Tree::Object(fields) => Look::Object(fields.iter().map(entry as fn(_) -> _)),
        }
    }
}

impl Value {
    /// A JSON value as a value of the declared type; `None` when it is null or of another type. Where a
    /// `Decimal` is declared, a text such as `"59.99"` is read as the number.
    pub fn from_json<'a, J: Json<'a>>(json: J, of_type: &ValueType) -> Option<Self> {
        match (json.look(), of_type) {
            (Look::Bool(truth), ValueType::Bool | ValueType::Any) => Some(Self::Bool(truth)),
            (Look::Number(number), ValueType::Int) => int(number).map(Self::Int),
            (Look::Number(number), ValueType::Decimal) => double(number).map(Self::Double),
            (Look::Number(number), ValueType::Any) => {
                number.parse().map(Self::Int).ok().or_else(|| double(number).map(Self::Double))
            }
            (Look::Text(text), ValueType::String | ValueType::Any) => Some(Self::String(text.into())),
            (Look::Text(text), _) => Self::from_text(text, of_type),
            (Look::List(items), ValueType::List(of)) => {
                items.map(|item| Self::from_json(item, of)).collect::<Option<Arc<[_]>>>().map(Self::List)
            }
            (Look::List(items), ValueType::Any) => Some(Self::List(
                items.map(|item| Self::from_json(item, of_type).unwrap_or(Self::Null)).collect(),
            )),
            (Look::Object(fields), ValueType::Object(declared)) => {
                Some(Self::object(fields, |key| declared.get_key_value(key)))
            }
            (Look::Object(fields), ValueType::Any) => Some(Self::object(fields, |_| None)),
            _ => None,
        }
    }

    /// The same of a list of objects, with none but the `wanted` of their fields. Where none is, its items are nothing
    /// but there.
    pub fn narrowed<'a, J: Json<'a>>(json: J, of_type: &ValueType, wanted: &[Arc<str>]) -> Option<Self> {
        let (Look::List(items), ValueType::List(of)) = (json.look(), of_type) else {
            return Self::from_json(json, of_type);
        };
        let ValueType::Object(declared) = &**of else { return Self::from_json(json, of_type) };
        let narrowed = |item: J| {
            let Look::Object(fields) = item.look() else { return None };
            if wanted.is_empty() {
                return Some(Self::Null);
            }
            let fields = fields.filter(|(name, _)| wanted.iter().any(|wanted| **wanted == **name));
            Some(Self::object(fields, |key| declared.get_key_value(key)))
        };
        items.map(narrowed).collect::<Option<Arc<[_]>>>().map(Self::List)
    }

    fn object<'a, 't, J: Json<'a>>(
        fields: impl Iterator<Item = (&'a str, J)>,
        declared: impl Fn(&str) -> Option<(&'t Arc<str>, &'t (ValueType, bool))>,
    ) -> Self {
        let field = |(key, json): (&str, J)| match declared(key) {
            Some((key, (of, _))) => Some((Arc::clone(key), Self::from_json(json, of)?)),
            None => Some((Arc::from(key), Self::from_json(json, &ValueType::Any)?)),
        };
        Self::Object(fields.filter_map(field).collect())
    }

    fn from_text(text: &str, of_type: &ValueType) -> Option<Self> {
        match of_type {
            ValueType::Decimal if is_decimal_text(text) => double(text).map(Self::Double),
            ValueType::Timestamp => text.parse::<Timestamp>().ok().map(Self::Timestamp),
            ValueType::Duration => evaluate::parse_span(text).map(Self::Duration),
            _ => None,
        }
    }

    /// The value as JSON: moments in RFC 3339, spans of time in seconds (`"5400s"`).
    pub fn to_json(&self) -> Tree {
        match self {
            Self::Null => Tree::Null,
            Self::Bool(truth) => Tree::Bool(*truth),
            Self::Int(number) => Tree::Number((*number).into()),
            Self::Double(number) => Number::from_f64(*number).map_or(Tree::Null, Tree::Number),
            Self::String(text) => Tree::String(text.as_ref().into()),
            Self::Timestamp(moment) => Tree::String(moment.to_string()),
            Self::Duration(span) => Tree::String(evaluate::format_span(*span)),
            Self::List(items) => Tree::Array(items.iter().map(Self::to_json).collect()),
            Self::Object(fields) => Tree::Object(
                fields.iter().map(|(key, value)| (key.as_ref().into(), value.to_json())).collect(),
            ),
        }
    }

    /// Brings a value to the declared type: a whole number or decimal text where a number is declared, a
    /// text where a moment or span is. `None` when it is null or of another type.
    pub fn fit(self, of_type: &ValueType) -> Option<Self> {
        if matches!(self, Self::Null) {
            return None;
        }
        if evaluate::is_of(&self, of_type) {
            return Some(self);
        }
        match (self, of_type) {
            #[allow(clippy::cast_precision_loss)]
            // a number declared with fractions is a double in conditions
            (Self::Int(number), ValueType::Decimal) => Some(Self::Double(number as f64)),
            (Self::Double(number), ValueType::Int) => exact_int(number).map(Self::Int),
            (Self::String(text), _) => Self::from_text(&text, of_type),
            (Self::List(items), ValueType::List(of)) => {
                items.iter().map(|item| item.clone().fit(of)).collect::<Option<Arc<[_]>>>().map(Self::List)
            }
            (Self::Object(fields), ValueType::Object(declared)) => {
                let fields = fields
                    .iter()
                    .filter_map(|(key, value)| {
                        let value = value.clone();
                        let value = match declared.get(&**key) {
                            Some((of, _)) => value.fit(of)?,
                            None => value,
                        };
                        Some((Arc::clone(key), value))
                    })
                    .collect();
                Some(Self::Object(fields))
            }
            _ => None,
        }
    }
}

/// A number's text as a whole number; `5.0` and `5e0` are 5.
fn int(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| exact_int(text.parse().ok()?))
}

#[allow(clippy::cast_possible_truncation)] // within the exact range
fn exact_int(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

fn double(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
