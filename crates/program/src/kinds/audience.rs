//! A named condition on a profile.

use crate::expression::Expression;

/// `audience/KEY`; read in expressions as `in_audience('KEY')`. Its own condition reads traits, metrics,
/// balances, constants and other audiences (no cycles), never an event or the time of day.
#[derive(Clone, Debug)]
pub struct Audience {
    /// Who belongs.
    pub condition: Expression,
    /// For people.
    pub description: Option<String>,
}
