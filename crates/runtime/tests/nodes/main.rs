//! Several nodes over one database at once: what holds for one must hold for all of them together.
//!
//! They are nodes in all but the process: each has a backend, connections and a memory of its own. All of these
//! tests need PostgreSQL, whichever store the run is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot go on has failed"
)]

mod budget;
mod busy;
mod changes;
mod cluster;
mod duties;
mod gone;
#[path = "../ground/mod.rs"]
mod ground;
mod ledgers;
mod live_log;
mod memory;
mod messages;
mod parts;
mod wallets;
