//! A value that each environment binds for itself.

use serde_json::Value;

use crate::expression::ValueType;

/// `constant/KEY`, read in expressions as `constants.KEY`.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Its type: `bool`, `int`, `decimal`, `string`, `timestamp`.
    pub of_type: ValueType,
    /// What holds where an environment binds nothing. Without one, an unbound constant blocks a plan.
    pub default: Option<Value>,
    /// For people.
    pub description: Option<String>,
}
