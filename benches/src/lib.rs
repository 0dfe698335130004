//! The parts of the load generator: chance, messages, a client, figures.

pub mod chance;
pub mod client;
pub mod figures;
pub mod messages;
