//! Secrets: declared by the program, bound by each environment, never shown.

pub(crate) mod list;
pub(crate) mod set;
pub(crate) mod unset;
