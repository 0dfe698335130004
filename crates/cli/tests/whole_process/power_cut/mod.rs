//! Nothing acknowledged is lost, and nothing is applied twice, when the power goes: see
//! `tests/power-cut/README.md`.

mod chance;
mod disk;
mod log;
mod recorder;
mod server;
mod sqlite;

pub(crate) use chance::Chance;
pub(crate) use disk::Unsynced;
pub(crate) use recorder::Watched;
