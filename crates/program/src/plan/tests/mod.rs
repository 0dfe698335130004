//! The plan's tests: tables of situations, laws over random bundles, the readable forms, the file.

mod blockers;
mod choices;
mod closure;
mod file;
mod forms;
mod laws;
mod situation;
mod three_way;
