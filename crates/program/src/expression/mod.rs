//! CEL: parsed by the `cel` crate, checked and compiled by us.
//!
//! [`check`] parses a source text, types it against a [`Scope`], bounds its cost and compiles it; the
//! result evaluates over [`Facts`] without allocation where that is possible. What the compiler does not
//! know, the checker refuses, so there is no second evaluator at run time (the `cel` interpreter is the
//! oracle in the tests).

mod checker;
mod evaluate;
mod json;
mod limits;
mod scan;
mod syntax;
mod tree;
mod value;

pub use json::{Json, Look};
pub use value::{Fields, Value, ValueType};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::Address;

/// What an expression may refer to, with types. Built from a program's declarations.
pub trait Scope {
    /// The type at a path below `event.properties`, and whether it is always there.
    fn property(&self, path: &[&str]) -> Option<Declared>;
    /// The properties that the event's schema names at its top, to suggest when one is not found.
    fn properties(&self) -> Vec<String> {
        Vec::new()
    }
    /// Whether there is an event at all (reactors on events: yes; audiences: no).
    fn has_event(&self) -> bool;
    /// `profile.traits.KEY`
    fn profile_trait(&self, key: &str) -> Option<Declared>;
    /// `profile.metrics.KEY`
    fn metric(&self, key: &str) -> Option<Declared>;
    /// Whether `profile.balances.KEY` exists (an int, always there).
    fn currency(&self, key: &str) -> bool;
    /// `constants.KEY`
    fn constant(&self, key: &str) -> Option<Declared>;
    /// Whether `in_audience('KEY')` names one.
    fn audience(&self, key: &str) -> bool;
    /// Keys to suggest when one is not found.
    fn names(&self, kind: crate::Kind) -> Vec<String>;
}

/// A declared thing: its type, and whether it is always present (else it must be guarded by `has()`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its type.
    pub of_type: ValueType,
    /// Always there.
    pub always: bool,
}

/// What an evaluation reads. Values come owned; absent is `None`. Properties and traits come as the declared
/// type that is asked for ([`Value::from_json`]); what is not of it counts as absent.
pub trait Facts {
    /// The value at a path below `event.properties`.
    fn property(&self, path: &[Arc<str>], of_type: &ValueType) -> Option<Value>;
    /// The same of a list of objects, of whose fields none but the `wanted` are looked at ([`Value::narrowed`]).
    fn items(&self, path: &[Arc<str>], of_type: &ValueType, wanted: &[Arc<str>]) -> Option<Value>;
    /// The event's name on the wire.
    fn event_name(&self) -> Option<Value>;
    /// The event's `occurred_at`.
    fn event_timestamp(&self) -> Option<Value>;
    /// `profile.traits.KEY`
    fn profile_trait(&self, key: &str, of_type: &ValueType) -> Option<Value>;
    /// `profile.metrics.KEY`
    fn metric(&self, key: &str) -> Option<Value>;
    /// `profile.balances.KEY`
    fn balance(&self, key: &str) -> i64;
    /// `constants.KEY`
    fn constant(&self, key: &str) -> Option<Value>;
    /// `in_audience('KEY')`
    fn in_audience(&self, key: &str) -> bool;
    /// The text at a path below `event.properties`, where it can be lent: what [`Facts::property`] gives for one
    /// declared as text. `None` says nothing of whether there is one.
    fn lent_property(&self, path: &[Arc<str>]) -> Option<&str> {
        let _ = path;
        None
    }
    /// The same of `profile.traits.KEY`.
    fn lent_trait(&self, key: &str) -> Option<&str> {
        let _ = key;
        None
    }
}

/// A checked expression, ready to evaluate.
#[derive(Clone)]
pub struct Expression {
    /// As written.
    pub source: Arc<str>,
    /// Its type.
    pub of_type: ValueType,
    /// The objects it refers to (traits, metrics, currencies, constants, audiences).
    pub references: BTreeSet<Address>,
    /// The paths it reads, dotted (`event.properties.total`, `profile.metrics.orders`), for traces and to
    /// know which audiences a change can touch.
    pub reads: BTreeSet<Arc<str>>,
    /// The same, ready to be read.
    sources: Arc<[tree::Read]>,
    root: Arc<tree::Node>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({})", self.source)
    }
}

/// A fault in an expression: where in its source (bytes), and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionFault {
    /// Offset of the offending part, in bytes.
    pub offset: usize,
    /// Its length.
    pub length: usize,
    /// Stable word: `expression_syntax`, `expression_type`, `unknown_name`, `unguarded`, `cost`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unevaluated(pub String);

/// Parses, types, bounds and compiles. All faults together, in the order of the source. With an `expected`
/// type, the expression must give a value of it (an int is made a double where a number is expected).
pub fn check(
    source: &str,
    scope: &dyn Scope,
    expected: Option<&ValueType>,
) -> Result<Expression, Vec<ExpressionFault>> {
    let parsed = syntax::parse(source).map_err(|fault| vec![fault])?;
    checker::check(&parsed, scope, expected)
}

impl Expression {
    /// Evaluates under the cost limit.
    pub fn evaluate(&self, facts: &dyn Facts) -> Result<Value, Unevaluated> {
        evaluate::evaluate(&self.root, facts)
    }

    /// What it reads, as seen: path → value (`None` when absent). For traces.
    pub fn seen(&self, facts: &dyn Facts) -> BTreeMap<Arc<str>, Option<Value>> {
        self.sources.iter().map(|read| (Arc::clone(&read.name), evaluate::see(read, facts))).collect()
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests;
