//! Whole stories through a running environment, over whichever store the run is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot go on has failed"
)]

mod clock;
mod forged;
#[path = "../ground/mod.rs"]
mod ground;
mod held;
mod identity;
mod ledger_stories;
mod live_log;
mod long_work;
mod master_key;
mod promotion;
mod rehearsal;
mod robustness;
