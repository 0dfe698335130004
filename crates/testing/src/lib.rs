//! What tests of several crates stand on. Nothing but tests may name it: `cargo xtask tidy` sees to that.
#![allow(clippy::missing_panics_doc, reason = "a test that has nothing to stand on has failed")]

mod database;
mod store;

pub use database::{Database, connect};
pub use store::Store;
