//! A declared property of a profile.

use crate::expression::ValueType;

/// `trait/KEY`, read in expressions as `profile.traits.KEY`, set by identify or by a reactor.
#[derive(Clone, Debug)]
pub struct Trait {
    /// Its type: `bool`, `int`, `decimal`, `string`, `timestamp`.
    pub of_type: ValueType,
    /// Its name in identify's `traits`; by default the key.
    pub from: String,
    /// Whether profiles can be looked up by it.
    pub searchable: bool,
    /// For people.
    pub description: Option<String>,
}
