//! Switches: a reactor can be off in one environment.

pub(crate) mod list;
pub(crate) mod set;
