//! Values and types of expressions.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// true or false
    Bool,
    /// 64-bit signed; counts, balances, schema integers
    Int,
    /// a number that may have a fraction; exact decimal where it is stored, a double in conditions
    Decimal,
    /// text
    String,
    /// a moment
    Timestamp,
    /// a span of time
    Duration,
    /// a list of one type
    List(Box<ValueType>),
    /// an object with named fields; the flag says always present
    Object(BTreeMap<String, (ValueType, bool)>),
    /// what the schema leaves open; may be tested and compared, not computed with
    Any,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// whole number
    Int(i64),
    /// double
    Double(f64),
    /// text
    String(Arc<str>),
    /// a moment
    Timestamp(Timestamp),
    /// a span of time
    Duration(SignedDuration),
    /// a list
    List(Arc<[Value]>),
    /// an object, keys sorted
    Object(Arc<BTreeMap<Arc<str>, Value>>),
}
