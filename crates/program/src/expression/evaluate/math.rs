//! Arithmetic that never wraps, and never gives what is no number.

use std::sync::Arc;

use super::{Machine, Stop};
use crate::expression::{Value, limits::TEXT_BYTES_MAX, tree::Math};

impl Machine<'_> {
    pub(super) fn math(&mut self, math: Math, left: Value, right: Value) -> Result<Value, Stop> {
        use Value::{Double, Duration, Int, List, String, Timestamp};
        match (math, left, right) {
            (Math::IntAdd, Int(a), Int(b)) => whole(a.checked_add(b), a, '+', b),
            (Math::IntSubtract, Int(a), Int(b)) => whole(a.checked_sub(b), a, '-', b),
            (Math::IntMultiply, Int(a), Int(b)) => whole(a.checked_mul(b), a, '*', b),
            (Math::IntDivide | Math::IntRemainder, Int(a), Int(0)) => {
                Stop::error(format!("{a} is divided by zero"))
            }
            (Math::IntDivide, Int(a), Int(b)) => whole(a.checked_div(b), a, '/', b),
            (Math::IntRemainder, Int(a), Int(b)) => whole(a.checked_rem(b), a, '%', b),
            (Math::DoubleAdd, Double(a), Double(b)) => finite(a + b, a, '+', b),
            (Math::DoubleSubtract, Double(a), Double(b)) => finite(a - b, a, '-', b),
            (Math::DoubleMultiply, Double(a), Double(b)) => finite(a * b, a, '*', b),
            (Math::DoubleDivide, Double(a), Double(0.0)) => Stop::error(format!("{a:?} is divided by zero")),
            (Math::DoubleDivide, Double(a), Double(b)) => finite(a / b, a, '/', b),
            (Math::TextAdd, String(a), String(b)) => {
                let length = a.len() + b.len();
                if length > TEXT_BYTES_MAX {
                    return Stop::error(format!("a text would be longer than {TEXT_BYTES_MAX} bytes"));
                }
                self.spend(1 + length as u64 / 16)?;
                Ok(String([&*a, &*b].concat().into()))
            }
            (Math::ListAdd, List(a), List(b)) => {
                let joined: Arc<[Value]> = a.iter().chain(b.iter()).cloned().collect();
                let joined = List(joined);
                self.spend_on(&joined)?;
                Ok(joined)
            }
            (Math::MomentAddSpan, Timestamp(moment), Duration(span))
            | (Math::MomentAddSpan, Duration(span), Timestamp(moment)) => {
                in_calendar(moment.checked_add(span).ok().map(Timestamp))
            }
            (Math::MomentSubtractSpan, Timestamp(moment), Duration(span)) => {
                in_calendar(moment.checked_sub(span).ok().map(Timestamp))
            }
            (Math::MomentSubtractMoment, Timestamp(a), Timestamp(b)) => Ok(Duration(a.duration_since(b))),
            (Math::SpanAdd, Duration(a), Duration(b)) => in_calendar(a.checked_add(b).map(Duration)),
            (Math::SpanSubtract, Duration(a), Duration(b)) => in_calendar(a.checked_sub(b).map(Duration)),
            (_, left, right) => {
                Stop::error(format!("{} and {} cannot be computed with", left.kind(), right.kind()))
            }
        }
    }
}

pub(super) fn negate(value: &Value) -> Result<Value, Stop> {
    match value {
        Value::Int(a) => match a.checked_neg() {
            Some(negated) => Ok(Value::Int(negated)),
            None => Stop::error(format!("-({a}) is beyond the whole numbers")),
        },
        Value::Double(a) => Ok(Value::Double(-a)),
        other => Stop::mistyped(other, "a number"),
    }
}

fn whole(result: Option<i64>, a: i64, symbol: char, b: i64) -> Result<Value, Stop> {
    match result {
        Some(result) => Ok(Value::Int(result)),
        None => Stop::error(format!("{a} {symbol} {b} is beyond the whole numbers")),
    }
}

fn finite(result: f64, a: f64, symbol: char, b: f64) -> Result<Value, Stop> {
    if result.is_finite() {
        Ok(Value::Double(result))
    } else {
        Stop::error(format!("{a:?} {symbol} {b:?} is beyond the numbers"))
    }
}

fn in_calendar(result: Option<Value>) -> Result<Value, Stop> {
    match result {
        Some(value) => Ok(value),
        None => Stop::error("a moment or span is beyond the calendar"),
    }
}
