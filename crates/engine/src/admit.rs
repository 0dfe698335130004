//! admit: whether a message fits what the program declares, before anything is decided.

use crate::{Message, Rules};

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is decided; with warnings to report.
    Accept(Vec<Problem>),
    /// It is put aside, for these reasons.
    Quarantine {
        /// `schema`, `unknown_event`, `unknown_field`, `unknown_trait`, `forbidden_source`, `number`.
        code: &'static str,
        /// Every reason.
        problems: Vec<Problem>,
    },
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// JSON pointer into the message, e.g. `/properties/total`.
    pub pointer: String,
    /// What is wrong and what was expected.
    pub detail: String,
}

/// Checks a message: schema, unknown event, fields and traits, source, numbers beyond 28 digits.
pub fn admit(rules: &Rules, message: &Message) -> Admission {
    unimplemented!()
}

/// The value of the event type's `unique_by` in this message, with the event type's key, if there is one.
pub fn unique_value(rules: &Rules, message: &Message) -> Option<(program::Key, String)> {
    unimplemented!()
}
