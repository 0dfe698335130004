//! A declared aggregate per profile.

use crate::{
    Key,
    expression::{Expression, ValueType},
};

/// How values are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aggregate {
    /// How many events. Needs no `of`.
    Count,
    /// Exact decimal sum of `of`.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// The value of the latest event by `occurred_at`; the event's time when `of` is `timestamp`.
    Last,
}

/// Over which time. Days, months and years are those of the settings' time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// From the beginning.
    Lifetime,
    /// Today and the N − 1 days before it; 1 to 366.
    RollingDays(u16),
    /// Since the first of the month.
    CalendarMonth,
    /// Since the first of January.
    CalendarYear,
}

/// What a new or changed metric begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The profile's whole recorded history. The default.
    Backfill,
    /// Nothing: it counts from the promotion on.
    Now,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// Path below `properties`.
    Property(Vec<String>),
    /// The event's own time (only with `last`, `min`, `max`).
    Timestamp,
}

/// `metric/KEY`, read in expressions as `profile.metrics.KEY`.
#[derive(Clone, Debug)]
pub struct Metric {
    /// The event type counted.
    pub event: Key,
    /// How.
    pub aggregate: Aggregate,
    /// What; `None` only for `count`.
    pub of: Option<Of>,
    /// Only events for which this holds.
    pub filter: Option<Expression>,
    /// Over which time.
    pub window: Window,
    /// What it begins with.
    pub begin: Begin,
    /// The type of its value in expressions: int for `count`, double for numbers, or what `last` holds.
    /// `sum` and `count` are 0 before the first event; the others are absent and need `has()`.
    pub value_type: ValueType,
    /// For people.
    pub description: Option<String>,
}
