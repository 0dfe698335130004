//! Whole stories through a running environment over the embedded store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot go on has failed"
)]

mod clock;
mod ground;
mod identity;
mod ledger_stories;
mod promotion;
mod robustness;
