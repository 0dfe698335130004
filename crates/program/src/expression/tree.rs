//! What an expression is compiled to: a tree in which every name, type and overload is settled.

use std::{cmp::Ordering, sync::Arc};

use super::{Value, ValueType};

/// One operation.
#[derive(Debug)]
pub(super) enum Node {
    /// A literal, or what literals fold to.
    Constant(Value),
    /// A value from the facts.
    Read(Box<Read>),
    /// The variable of the loop at this depth.
    Local(usize),
    /// A field of an object.
    Field(Box<Field>),
    /// An item of a list.
    Item(Box<Item>),
    /// Whether a `Read`, `Field` or `Item` finds a value, all the way.
    Has(Box<Node>),
    Audience(Arc<str>),
    Not(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Choose(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Math(Math, Box<[Node; 2]>),
    Negate(Box<Node>),
    List(Box<[Node]>),
    In(Box<[Node; 2]>),
    /// Whether a text is one of these, which are sorted.
    InTexts(Box<Node>, Arc<[Arc<str>]>),
    Call(Function, Box<[Node]>),
    Matches(Box<Node>, regex::Regex),
    Loop(Box<Loop>),
}

impl Node {
    /// What it is made of.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Constant(_) | Self::Read(_) | Self::Local(_) | Self::Audience(_) => Vec::new(),
            Self::Field(field) => vec![&field.object],
            Self::Item(item) => vec![&item.list],
            Self::Has(of)
            | Self::Not(of)
            | Self::Negate(of)
            | Self::InTexts(of, _)
            | Self::Matches(of, _) => {
                vec![of]
            }
            Self::And(pair)
            | Self::Or(pair)
            | Self::In(pair)
            | Self::Compare(_, pair)
            | Self::Math(_, pair) => pair.iter().collect(),
            Self::Choose(parts) => parts.iter().collect(),
            Self::List(parts) | Self::Call(_, parts) => parts.iter().collect(),
            Self::Loop(each) => {
                [Some(&each.over), each.test.as_ref(), Some(&each.body)].into_iter().flatten().collect()
            }
        }
    }
}

/// Where a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Property(Arc<[Arc<str>]>),
    EventName,
    EventTimestamp,
    Trait(Arc<str>),
    Metric(Arc<str>),
    Balance(Arc<str>),
    Constant(Arc<str>),
    Audience(Arc<str>),
}

/// A read of a fact.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) source: Source,
    /// Dotted, as it is called in faults and traces.
    pub(super) name: Arc<str>,
    pub(super) of_type: ValueType,
    /// Of a list of objects: the only fields of those that are looked at, if it is so.
    pub(super) wanted: Option<Arc<[Arc<str>]>>,
}

/// A read of a field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) object: Node,
    pub(super) key: Arc<str>,
    /// As it is written.
    pub(super) name: Arc<str>,
}

/// A read of an item.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) list: Node,
    pub(super) index: usize,
    /// As it is written.
    pub(super) name: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Operators of two operands, one for each pair of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Math {
    IntAdd,
    IntSubtract,
    IntMultiply,
    IntDivide,
    IntRemainder,
    DoubleAdd,
    DoubleSubtract,
    DoubleMultiply,
    DoubleDivide,
    TextAdd,
    ListAdd,
    MomentAddSpan,
    MomentSubtractSpan,
    MomentSubtractMoment,
    SpanAdd,
    SpanSubtract,
}

/// Functions whose arguments are all evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Span(i64),
    DurationOf,
    TimestampOf,
    IntOf,
    DoubleOf,
    StringOf,
    Greatest,
    Least,
    Part(Part),
}

/// A part of a moment (in UTC) or of a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    FullYear,
    Month,
    DayOfMonth,
    Date,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) over: Node,
    /// Which variable it sets.
    pub(super) depth: usize,
    /// What a `map` with three arguments lets through.
    pub(super) test: Option<Node>,
    pub(super) body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    Exists,
    All,
    ExistsOne,
    Filter,
    Map,
}
