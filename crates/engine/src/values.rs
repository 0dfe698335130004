//! Exact decimals out of JSON numbers, and JSON texts as values of expressions.

use program::expression::{Json, Look, Value, ValueType};
use rust_decimal::Decimal;
use serde_json::{Number, Value as Tree};

/// A JSON text (a trait, a `last`) as an expression sees it.
pub fn from_text(text: &str, of_type: &ValueType) -> Option<Value> {
    if *of_type == ValueType::String
        && let Some(plain) = plain_text(text)
    {
        return Some(Value::String(plain.into()));
    }
    Value::from_json(&serde_json::from_str(text).ok()?, of_type)
}

/// What a JSON text says that is a text itself, if nothing is escaped in it, as in nearly all: what stands between
/// the quotes.
pub fn plain_text(text: &str) -> Option<&str> {
    let plain = text.strip_prefix('"')?.strip_suffix('"')?;
    (!plain.bytes().any(|byte| matches!(byte, b'\\' | b'"'))).then_some(plain)
}

/// The text that a trait of this value is kept as; `None` for null, which takes it away.
pub fn kept_text<'a>(json: impl Json<'a>) -> Option<String> {
    (!matches!(json.look(), Look::Null)).then(|| to_text(json))
}

/// A JSON value as JSON text, as short as it can be said.
pub fn to_text<'a>(json: impl Json<'a>) -> String {
    let mut text = String::new();
    write(json, &mut text);
    text
}

fn write<'a>(json: impl Json<'a>, to: &mut String) {
    match json.look() {
        Look::Null => to.push_str("null"),
        Look::Bool(truth) => to.push_str(if truth { "true" } else { "false" }),
        Look::Number(number) => to.push_str(number),
        Look::Text(text) => quote(text, to),
        Look::List(items) => {
            to.push('[');
            for (at, item) in items.enumerate() {
                if at > 0 {
                    to.push(',');
                }
                write(item, to);
            }
            to.push(']');
        }
        Look::Object(fields) => {
            to.push('{');
            for (at, (name, value)) in fields.enumerate() {
                if at > 0 {
                    to.push(',');
                }
                quote(name, to);
                to.push(':');
                write(value, to);
            }
            to.push('}');
        }
    }
}

fn quote(text: &str, to: &mut String) {
    if text.bytes().any(|byte| matches!(byte, b'\\' | b'"' | 0..0x20)) {
        to.push_str(&Tree::from(text).to_string());
    } else {
        to.reserve(text.len() + 2);
        to.push('"');
        to.push_str(text);
        to.push('"');
    }
}

/// Whether a JSON value is of a trait's declared type.
pub fn fits<'a>(json: impl Json<'a>, of_type: &ValueType) -> bool {
    match (of_type, json.look()) {
        (ValueType::Bool, Look::Bool(_))
        | (ValueType::String, Look::Text(_))
        | (ValueType::Any, _)
        | (ValueType::List(_), Look::List(_))
        | (ValueType::Object(_), Look::Object(_)) => true,
        (ValueType::Int, Look::Number(_)) => Value::from_json(json, &ValueType::Int).is_some(),
        (ValueType::Decimal, Look::Number(number)) => number_decimal(number).is_some(),
        (ValueType::Decimal, Look::Text(text)) => text_decimal(text).is_some(),
        (ValueType::Timestamp, Look::Text(text)) => text.parse::<jiff::Timestamp>().is_ok(),
        _ => false,
    }
}

/// The exact decimal of a JSON value: a number, or, where the type says decimal, a text.
pub fn exact<'a>(json: impl Json<'a>, of_type: &ValueType) -> Option<Decimal> {
    match json.look() {
        Look::Number(number) => number_decimal(number),
        Look::Text(text) if *of_type == ValueType::Decimal => text_decimal(text),
        _ => None,
    }
}

/// The exact decimal of a JSON number's text; `None` beyond 28 digits.
pub fn number_decimal(text: &str) -> Option<Decimal> {
    match text.split_once(['e', 'E']) {
        None => Decimal::from_str_exact(text).ok(),
        Some((mantissa, exponent)) => {
            shifted(Decimal::from_str_exact(mantissa).ok()?, exponent.parse().ok()?)
        }
    }
}

/// `59.99`, as shops send them.
fn text_decimal(text: &str) -> Option<Decimal> {
    program::schema::is_decimal_text(text).then(|| Decimal::from_str_exact(text).ok())?
}

/// Times ten to the power of `exponent`, exactly.
fn shifted(mantissa: Decimal, exponent: i32) -> Option<Decimal> {
    let mantissa = mantissa.normalize();
    if mantissa.is_zero() {
        return Some(Decimal::ZERO);
    }
    let scale = i32::try_from(mantissa.scale()).ok()?.checked_sub(exponent)?;
    if scale >= 0 {
        return Decimal::try_from_i128_with_scale(mantissa.mantissa(), u32::try_from(scale).ok()?).ok();
    }
    let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
    Decimal::try_from_i128_with_scale(mantissa.mantissa().checked_mul(factor)?, 0).ok()
}

/// A decimal as a JSON number, exactly.
pub fn decimal_json(decimal: Decimal) -> Tree {
    // Digits with a point and a sign are a JSON number.
    decimal.normalize().to_string().parse::<Number>().map_or(Tree::Null, Tree::Number)
}

/// A decimal as the double that is nearest to it.
#[allow(clippy::cast_precision_loss)] // below 2^53 nothing is lost
pub fn decimal_value(decimal: Decimal) -> Option<Value> {
    /// The powers of ten that are exact.
    const TENS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (mantissa, scale) = (decimal.mantissa(), decimal.scale() as usize);
    // Both parts are exact, so that their quotient is rounded once: the nearest, as reading the text gives it.
    if mantissa != 0
        && mantissa.unsigned_abs() < 1 << 53
        && let Some(ten) = TENS.get(scale)
    {
        return Some(Value::Double(mantissa as f64 / ten));
    }
    decimal.to_string().parse().ok().map(Value::Double)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_the_library_writes() {
        for json in [
            serde_json::json!("plain"),
            serde_json::json!(""),
            serde_json::json!("a \"quoted\" \\ one"),
            serde_json::json!("line\nbreak\u{1}\u{1f}\u{7f} ü 🎟"),
            serde_json::json!(true),
            serde_json::json!({"a": [1, null], "b\n": {}, "c": [[], {"d": "e\"", "f": false}]}),
            serde_json::from_str("1.10").expect("a number"),
            serde_json::from_str("-1e-7").expect("a number"),
        ] {
            let text = to_text(&json);
            assert_eq!(text, json.to_string());
            assert!(plain_text(&text).is_none_or(|plain| Some(plain) == json.as_str()), "{text}");
            assert_eq!(from_text(&text, &ValueType::String).is_some(), json.is_string(), "{text}");
        }
        assert_eq!([plain_text("\""), plain_text("\"\""), plain_text("1")], [None, Some(""), None]);
    }

    #[test]
    fn numbers_are_read_by_their_text() {
        for (text, expected) in [
            ("1.10", Some("1.10")),
            ("12", Some("12")),
            ("-0.5", Some("-0.5")),
            ("1e3", Some("1000")),
            ("1.5e-2", Some("0.015")),
            ("100e-2", Some("1.00")),
            ("9999999999999999999999999999", Some("9999999999999999999999999999")),
            ("0.1234567890123456789012345678", Some("0.1234567890123456789012345678")),
            ("0.12345678901234567890123456789", None),
            ("1e28", Some("10000000000000000000000000000")),
            ("1e29", None),
            ("1e-29", None),
            ("1e99999999999", None),
            ("0e400", Some("0")),
        ] {
            assert_eq!(number_decimal(text).map(|d| d.to_string()).as_deref(), expected, "{text}");
        }
    }
}
