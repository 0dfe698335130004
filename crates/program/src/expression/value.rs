//! Values and types of expressions.

use std::{cmp::Ordering, collections::BTreeMap, fmt, sync::Arc};

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
    Object(BTreeMap<Arc<str>, (ValueType, bool)>),
    /// what the schema leaves open; may be tested and compared, not computed with
    Any,
}

impl ValueType {
    /// Whether it is one of the two kinds of number.
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Decimal)
    }

    /// Whether values of it can be put in order with values of the same type.
    pub const fn is_ordered(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Object(_))
    }
}

/// In words, for people: `a whole number`.
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int => f.write_str("a whole number"),
            Self::Decimal => f.write_str("a number"),
            Self::String => f.write_str("a text"),
            Self::Timestamp => f.write_str("a moment"),
            Self::Duration => f.write_str("a span of time"),
            Self::List(of) => match &**of {
                Self::Bool => f.write_str("a list of true or false"),
                Self::Int => f.write_str("a list of whole numbers"),
                Self::Decimal => f.write_str("a list of numbers"),
                Self::String => f.write_str("a list of texts"),
                Self::Timestamp => f.write_str("a list of moments"),
                Self::Duration => f.write_str("a list of spans of time"),
                Self::List(_) => f.write_str("a list of lists"),
                Self::Object(_) => f.write_str("a list of objects"),
                Self::Any => f.write_str("a list of undeclared values"),
            },
            Self::Object(_) => f.write_str("an object"),
            Self::Any => f.write_str("a value of undeclared type"),
        }
    }
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
    /// double; always finite
    Double(f64),
    /// text
    String(Arc<str>),
    /// a moment
    Timestamp(Timestamp),
    /// a span of time
    Duration(SignedDuration),
    /// a list
    List(Arc<[Value]>),
    /// an object
    Object(Fields),
}

/// The fields of an object, in the order of their keys, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields(Arc<[(Arc<str>, Value)]>);

impl Fields {
    /// The value of a field.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.binary_search_by(|(at, _)| (**at).cmp(key)).ok().map(|at| &self.0[at].1)
    }

    /// Every field.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of two values of one key the later counts.
impl FromIterator<(Arc<str>, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(fields: I) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        // Nearly always they come in order.
        if !fields.is_sorted_by(|(one, _), (next, _)| one < next) {
            fields = fields.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
        }
        Self(fields.into())
    }
}

impl Value {
    /// Equality as expressions see it: numbers by what they are worth, whichever kind; values of different
    /// types are not equal.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Double(b)) | (Self::Double(b), Self::Int(a)) => {
                compare_int_double(*a, *b) == Some(Ordering::Equal)
            }
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b))
            }
            (Self::Object(a), Self::Object(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|((ka, va), (kb, vb))| ka == kb && va.equals(vb))
            }
            (a, b) => a == b,
        }
    }

    /// Order as expressions see it; `None` for values that have none between them.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Double(b)) => compare_int_double(*a, *b),
            (Self::Double(a), Self::Int(b)) => compare_int_double(*b, *a).map(Ordering::reverse),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Double(_) => "a number",
            Self::String(_) => "a text",
            Self::Timestamp(_) => "a moment",
            Self::Duration(_) => "a span of time",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Compares exactly, without rounding the whole number to a double first.
#[allow(clippy::cast_possible_truncation)] // the double is known to be within the range of i64
fn compare_int_double(a: i64, b: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    if b.is_nan() {
        None
    } else if b >= LIMIT {
        Some(Ordering::Less)
    } else if b < -LIMIT {
        Some(Ordering::Greater)
    } else {
        let whole = b.trunc();
        Some(
            a.cmp(&(whole as i64)).then_with(|| 0.0_f64.partial_cmp(&(b - whole)).unwrap_or(Ordering::Equal)),
        )
    }
}
