//! What would be sent.

pub(crate) mod list;
