//! The deterministic engine: what an input does to a profile under a program.
//!
//! Pure: no clock, random source, map order, float rounding of money or I/O. Three functions carry it:
//!
//! * [`decide()`] proposes: (rules, profile, input, times) → a [`Proposal`], which is a [`Decision`] or a
//!   demand on a shared counter;
//! * [`settle`] finishes a proposal with what was granted;
//! * [`evolve()`] applies a recorded decision to a profile. Live, rebuild and restore go through it alone.
//!
//! `decide` changes a working copy of the state by the very effects and posting groups that it records, with
//! the functions that `evolve` uses: the two cannot drift apart.
//!
//! **What sees what.** A metric's `where` sees the state before the event; audiences are looked at again
//! when something they read has changed; a reactor is stopped by, in this order: its switch, its schedule,
//! the depth, its condition, its limits, an amount that cannot be worked out, a wallet that is short, its
//! budget. Then all of its actions are done; their values are those before the firing.
//!
//! **Late events** (older than the latest that the profile has seen) are decided as of their own time:
//! schedules, limits and lot dates go by it, and reactors on the event read windows as of it, as far as the
//! days are still kept. Memberships are about the present, and are worked out as of the latest time seen.
//! Traits of a late identify only fill in what is absent. Nothing decided is decided again.
//!
//! [`record`] turns a decision into a record (header, body, hash chain) and back. [`resolve`] says whose
//! event it is; [`admit`] whether it fits its schema; [`Input::Upgrade`] brings a profile under a new program;
//! [`replay`] decides records again and compares.

pub mod admit;
mod apply;
pub mod calendar;
pub mod decide;
pub mod decision;
pub mod evolve;
pub mod fields;
mod index;
pub mod input;
mod likeness;
mod names;
pub mod profile;
pub mod record;
pub mod replay;
pub mod resolve;
pub mod rules;
pub mod sorted;
pub mod values;
pub mod view;

#[cfg(test)]
mod tests;

pub use admit::{Admission, admit};
pub use decide::{Proposal, Suspended, decide, decide_traced, decide_with, settle};
pub use decision::{Decision, Demanded, Effect, Outcome, Stopped, Trace};
pub use evolve::{evolve, evolve_opened, evolve_written};
pub use fields::Fields;
pub use input::{Command, Input, Message, MessageKind, Source, Times};
pub use likeness::Likeness;
pub use profile::Profile;
pub use resolve::{Identity, Known, Resolution, resolve};
pub use rules::Rules;

/// The version of everything a decision's bytes depend on: this crate, time-zone data, regular
/// expressions, the expression library. Bumped when the corpus of golden decisions comes out differently.
pub const DECISION_VERSION: u16 = 2;

/// How deep events may be emitted by reactors on emitted events.
pub const EMIT_DEPTH_MAX: usize = 8;

/// How many steps (the input, audience changes, emitted events) one decision may have.
pub const STEPS_MAX: usize = 64;

/// A fault: the input cannot be decided. A message goes to quarantine with this text, a command is refused
/// with it; the batch goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Fault {
    /// A stable word: `insufficient`, `already_reversed`, `unknown_currency`, `amount`, `overflow`, `steps`,
    /// `inactive` (merged away or erased), `behind` (not under this manifest yet), `grants`, `record`,
    /// `internal`.
    pub code: &'static str,
    /// Which object or step.
    pub at: String,
    /// What went wrong.
    pub what: String,
}

impl Fault {
    /// Puts a fault together.
    pub fn new(code: &'static str, at: impl Into<String>, what: impl Into<String>) -> Self {
        Self { code, at: at.into(), what: what.into() }
    }
}
