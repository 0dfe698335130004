//! Values from JSON and to JSON. Numbers are read from their text, so nothing is lost on the way in.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Number, Value as Json};

use super::{Value, ValueType, evaluate};
use crate::schema::is_decimal_text;

/// Whole numbers below this are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53

impl Value {
    /// A JSON value as a value of the declared type; `None` when it is null or of another type. Where a
    /// `Decimal` is declared, a text such as `"59.99"` is read as the number.
    pub fn from_json(json: &Json, of_type: &ValueType) -> Option<Self> {
        match (json, of_type) {
            (Json::Bool(truth), ValueType::Bool | ValueType::Any) => Some(Self::Bool(*truth)),
            (Json::Number(number), ValueType::Int) => int(number.as_str()).map(Self::Int),
            (Json::Number(number), ValueType::Decimal) => double(number.as_str()).map(Self::Double),
            (Json::Number(number), ValueType::Any) => number
                .as_str()
                .parse()
                .map(Self::Int)
                .ok()
                .or_else(|| double(number.as_str()).map(Self::Double)),
            (Json::String(text), ValueType::String | ValueType::Any) => {
                Some(Self::String(text.as_str().into()))
            }
            (Json::String(text), _) => Self::from_text(text, of_type),
            (Json::Array(items), ValueType::List(of)) => items
                .iter()
                .map(|item| Self::from_json(item, of))
                .collect::<Option<Arc<[_]>>>()
                .map(Self::List),
            (Json::Array(items), ValueType::Any) => Some(Self::List(
                items.iter().map(|item| Self::from_json(item, of_type).unwrap_or(Self::Null)).collect(),
            )),
            (Json::Object(fields), ValueType::Object(declared)) => {
                Some(Self::object(fields, |key| declared.get_key_value(key)))
            }
            (Json::Object(fields), ValueType::Any) => Some(Self::object(fields, |_| None)),
            _ => None,
        }
    }

    fn object<'t>(
        fields: &Map<String, Json>,
        declared: impl Fn(&str) -> Option<(&'t Arc<str>, &'t (ValueType, bool))>,
    ) -> Self {
        let field = |(key, json): (&String, &Json)| match declared(key) {
            Some((key, (of, _))) => Some((Arc::clone(key), Self::from_json(json, of)?)),
            None => Some((Arc::from(key.as_str()), Self::from_json(json, &ValueType::Any)?)),
        };
        Self::Object(fields.iter().filter_map(field).collect())
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
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Int(number) => Json::Number((*number).into()),
            Self::Double(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
            Self::String(text) => Json::String(text.as_ref().into()),
            Self::Timestamp(moment) => Json::String(moment.to_string()),
            Self::Duration(span) => Json::String(evaluate::format_span(*span)),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Object(fields) => Json::Object(
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
