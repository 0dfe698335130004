//! The embedded store: one `SQLite` file per environment, all in one data folder that one process holds.
//!
//! ```text
//! DATA/lock                            held by the process that serves the folder
//! DATA/control.db                      registry of environments, administrators
//! DATA/environments/<name>/store.db    journal, views and outside state of one environment
//! DATA/anchors/<name>.0, <name>.1      how far each has come, outside its data file
//! DATA/erasures/<name>.log             who has been erased, for restores from older backups
//! ```
//!
//! Journal, views and outside state change in one transaction of one file: the simplest form that keeps the
//! promises. An environment has **one writer** (a thread that owns the only writing connection, and commits
//! all batches that wait for it in one transaction with one sync) and a few **readers** (read-only
//! connections on threads of their own). Acknowledgement rests on `synchronous=FULL`.
//!
//! `SQLite` has one total order of commits; nothing above the contract may lean on it.

mod anchor;
mod anchored;
mod backend;
mod backup;
mod carry;
mod check;
mod connection;
mod environment;
mod export;
mod fault;
mod folder;
mod hold;
mod making;
mod opened;
mod options;
mod readers;
mod recent;
mod registry;
mod schema;
mod tables;
mod writer;

// What is alike for every backend, under the names of its parts.
use store::encoding as checksum;
use store::encoding as codec;
use store::encoding as cursor;

pub use anchored::{Anchored, anchored};
pub use backend::SqliteBackend;
pub use hold::Hold;
pub use options::Options;

/// The version of the SQLite that is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
