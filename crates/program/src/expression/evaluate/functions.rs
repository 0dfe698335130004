//! Functions over values.

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::Offset};

use super::{Machine, Stop, span};
use crate::expression::{
    Value,
    tree::{Function, Node, Part},
};

impl Machine<'_> {
    pub(super) fn call(&mut self, function: Function, parts: &[Node]) -> Result<Value, Stop> {
        if let Some(Node::Constant(Value::String(part))) = parts.get(1)
            && let Some(text) = parts.first().and_then(|first| self.lent(first))
            && let Some(holds) = about(function, text, part)
        {
            self.spend(2 + text.len() as u64 / 16 + part.len() as u64 / 16)?;
            return Ok(Value::Bool(holds));
        }
        let first = match parts.first() {
            Some(part) => self.value(part)?,
            None => return Stop::error("a function has no arguments"),
        };
        if let Value::String(text) = &first {
            self.spend(text.len() as u64 / 16)?;
        }
        match function {
            Function::Contains | Function::StartsWith | Function::EndsWith => {
                let second = self.value(&parts[1])?;
                let (text, part) = (text(&first)?, text(&second)?);
                self.spend(part.len() as u64 / 16)?;
                Ok(Value::Bool(about(function, text, part).unwrap_or_default()))
            }
            Function::Greatest | Function::Least => {
                let mut best = first;
                for part in &parts[1..] {
                    let next = self.value(part)?;
                    let order = next.order(&best);
                    let better = order.is_some_and(|order| {
                        if function == Function::Greatest { order.is_gt() } else { order.is_lt() }
                    });
                    if better {
                        best = next;
                    }
                }
                Ok(best)
            }
            Function::LowerAscii => Ok(Value::String(text(&first)?.to_ascii_lowercase().into())),
            Function::UpperAscii => Ok(Value::String(text(&first)?.to_ascii_uppercase().into())),
            Function::Size => size(&first),
            Function::Span(seconds) => span_of(&first, seconds),
            Function::DurationOf => duration_of(first),
            Function::TimestampOf => timestamp_of(first),
            Function::IntOf => int_of(first),
            Function::DoubleOf => double_of(first),
            Function::StringOf => string_of(first),
            Function::Part(part) => part_of(&first, part),
        }
    }
}

/// What is asked of a text and a part of it.
fn about(function: Function, text: &str, part: &str) -> Option<bool> {
    match function {
        Function::Contains => Some(text.contains(part)),
        Function::StartsWith => Some(text.starts_with(part)),
        Function::EndsWith => Some(text.ends_with(part)),
        _ => None,
    }
}

fn text(value: &Value) -> Result<&str, Stop> {
    match value {
        Value::String(text) => Ok(text),
        other => Stop::mistyped(other, "a text"),
    }
}

fn count(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn size(value: &Value) -> Result<Value, Stop> {
    match value {
        Value::String(text) => Ok(count(text.chars().count())),
        Value::List(items) => Ok(count(items.len())),
        other => Stop::mistyped(other, "a text or a list"),
    }
}

fn span_of(value: &Value, seconds: i64) -> Result<Value, Stop> {
    let Value::Int(number) = value else {
        return Stop::mistyped(value, "a whole number");
    };
    match number.checked_mul(seconds) {
        Some(seconds) => Ok(Value::Duration(SignedDuration::from_secs(seconds))),
        None => Stop::error(format!("{number} is too many for a span of time")),
    }
}

fn duration_of(value: Value) -> Result<Value, Stop> {
    match value {
        Value::Duration(_) => Ok(value),
        Value::String(text) => match span::parse(&text) {
            Some(span) => Ok(Value::Duration(span)),
            None => Stop::error(format!("`{}` is not a span of time such as 1h30m", shortened(&text))),
        },
        other => Stop::mistyped(&other, "a text"),
    }
}

fn timestamp_of(value: Value) -> Result<Value, Stop> {
    match value {
        Value::Timestamp(_) => Ok(value),
        Value::Int(seconds) => match Timestamp::from_second(seconds) {
            Ok(moment) => Ok(Value::Timestamp(moment)),
            Err(_) => Stop::error(format!("{seconds} seconds are beyond the calendar")),
        },
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(moment) => Ok(Value::Timestamp(moment)),
            Err(_) => {
                Stop::error(format!("`{}` is not a moment such as 2024-01-31T12:00:00Z", shortened(&text)))
            }
        },
        other => Stop::mistyped(&other, "a text"),
    }
}

#[allow(clippy::cast_possible_truncation)] // checked against the range just before
fn int_of(value: Value) -> Result<Value, Stop> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    match value {
        Value::Int(_) => Ok(value),
        Value::Double(double) if double > -LIMIT && double < LIMIT => Ok(Value::Int(double as i64)),
        Value::Double(double) => Stop::error(format!("{double:?} is beyond the whole numbers")),
        Value::Timestamp(moment) => Ok(Value::Int(moment.as_second())),
        Value::String(text) => match text.parse() {
            Ok(number) => Ok(Value::Int(number)),
            Err(_) => Stop::error(format!("`{}` is not a whole number", shortened(&text))),
        },
        other => Stop::mistyped(&other, "a number"),
    }
}

#[allow(clippy::cast_precision_loss)] // what double() means
fn double_of(value: Value) -> Result<Value, Stop> {
    match value {
        Value::Double(_) => Ok(value),
        Value::Int(number) => Ok(Value::Double(number as f64)),
        Value::String(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Double(number)),
            _ => Stop::error(format!("`{}` is not a number", shortened(&text))),
        },
        other => Stop::mistyped(&other, "a number"),
    }
}

fn string_of(value: Value) -> Result<Value, Stop> {
    let text = match value {
        Value::String(_) => return Ok(value),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Timestamp(moment) => moment.to_string(),
        Value::Duration(length) => span::format(length),
        other => return Stop::mistyped(&other, "a single value"),
    };
    Ok(Value::String(text.into()))
}

fn part_of(value: &Value, part: Part) -> Result<Value, Stop> {
    let number = match value {
        Value::Timestamp(moment) => {
            let at = Offset::UTC.to_datetime(*moment);
            match part {
                Part::FullYear => i64::from(at.year()),
                Part::Month => i64::from(at.month()) - 1,
                Part::DayOfMonth => i64::from(at.day()) - 1,
                Part::Date => i64::from(at.day()),
                Part::DayOfWeek => i64::from(at.weekday().since(Weekday::Sunday)),
                Part::DayOfYear => i64::from(at.day_of_year()) - 1,
                Part::Hours => i64::from(at.hour()),
                Part::Minutes => i64::from(at.minute()),
                Part::Seconds => i64::from(at.second()),
                Part::Milliseconds => i64::from(at.subsec_nanosecond() / 1_000_000),
            }
        }
        Value::Duration(length) => match part {
            Part::Hours => length.as_secs() / 3_600,
            Part::Minutes => length.as_secs() / 60,
            Part::Seconds => length.as_secs(),
            Part::Milliseconds => i64::from(length.subsec_millis()),
            _ => return Stop::mistyped(value, "a moment"),
        },
        other => return Stop::mistyped(other, "a moment"),
    };
    Ok(Value::Int(number))
}

/// The beginning of a text, for an error.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
