//! What was decided: the part that is kept for ever, and the part that can be erased.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use ledger::{PostingGroup, ProfileId};
use program::Key;
use serde::Serialize;

use crate::{Identity, profile::Observation};

/// A decision. Everything `evolve` needs is here; nothing is worked out again from rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// For the header: outcome codes, in the order in which things were considered.
    pub outcomes: Vec<Outcome>,
    /// For the header: what was posted.
    pub groups: Vec<PostingGroup>,
    /// For the header: what was asked of shared counters and what was given.
    pub grants: Vec<Demanded>,
    /// For the body: changes of the person's state.
    pub effects: Vec<Effect>,
}

/// What became of one reactor for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Which step of the decision: 0 is the input itself; emitted events and audience changes count on.
    pub step: u16,
    /// The reactor's key.
    pub reactor: Arc<str>,
    /// Why it did not fire; `None` when it did.
    pub stopped: Option<Stopped>,
}

/// What stopped a reactor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Its condition was false.
    Condition,
    /// Its condition could not be evaluated (a value was absent, an overflow).
    Error,
    /// Its schedule has not begun or is over.
    Schedule,
    /// A limit per member: the limit's place in the reactor's list, and its count.
    Limit(u16, u32),
    /// The shared budget had nothing (or not enough) left.
    Budget,
    /// Switched off in this environment.
    SwitchedOff,
    /// Emitted too deep.
    Depth,
    /// The wallet held less than a deduction asked for.
    Short,
}

/// A demand on a shared counter with its grant, as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Demanded {
    /// The counter.
    pub counter: String,
    /// Its ceiling at that time.
    pub ceiling: i64,
    /// What was asked.
    pub asked: i64,
    /// Whether part would do.
    pub part: bool,
    /// What was given.
    pub granted: i64,
    /// The grant's position in the counter's stream.
    pub n: u64,
}

/// A change of a person's state. Erased with the body.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An id became theirs.
    Identity(Identity),
    /// A trait was set (JSON text, exact) or removed.
    Trait(Arc<str>, Option<String>),
    /// A metric counted something.
    Observe(Arc<str>, Observation),
    /// A metric was defined anew: fingerprint, days kept, and what it begins with. Also a metric's first
    /// observation.
    Define(Arc<str>, u64, u16, Vec<Observation>),
    /// A metric is no longer declared.
    Forget(Arc<str>),
    /// Entered an audience.
    Entered(Arc<str>, Timestamp),
    /// Left one.
    Left(Arc<str>, Timestamp),
    /// A reactor with limits fired in these windows (kind, first day). That it fired at all, and so its count
    /// for ever, is in the outcomes.
    Fired(Arc<str>, Vec<(u8, i32)>),
    /// A reactor emitted an event: step, name, properties as JSON text.
    Emitted(u16, Arc<str>, String),
    /// Something for the outbox: channel, reactor, payload as JSON text.
    Outbox(Arc<str>, Arc<str>, String),
    /// The profile lives on in another.
    MergedInto(ProfileId),
    /// Another profile's state was taken in; its encoded state.
    Absorbed(ProfileId, Vec<u8>),
    /// The person was erased.
    Erased,
    /// What it stands on from now on ([`crate::Rules::basis`]).
    Basis([u8; 32]),
    /// Fingerprints of the metrics which its program declares, sorted.
    Declared(Arc<Vec<u64>>),
    /// A trait makes the profile findable, or does so no longer.
    Searchable(Arc<str>, bool),
    /// When a window rolls next that an audience reads: work due.
    Due(Option<Timestamp>),
}

/// What a decision saw; derived again on demand, never stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trace {
    /// In the order considered.
    pub considered: Vec<Considered>,
    /// What else happened, in words: memberships, lots that matured or expired.
    pub changes: Vec<Change>,
}

/// Something that happened besides reactors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The step it led to, or 0.
    pub step: u16,
    /// In words: `entered audience big_spenders`.
    pub what: String,
}

/// One reactor considered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Considered {
    /// Step of the decision.
    pub step: u16,
    /// What set it off: `event order_completed`, `entered big_spenders`.
    pub cause: String,
    /// The reactor.
    pub reactor: Key,
    /// Its condition, as written.
    pub condition: Option<String>,
    /// What the condition read, as JSON: path → value (null when absent).
    pub saw: BTreeMap<String, serde_json::Value>,
    /// Limits: window, used before, count.
    pub limits: Vec<LimitSeen>,
    /// What stopped it, in words; `None` when it fired.
    pub stopped: Option<String>,
    /// What it did, in words: `award 12 points (lot expires 1998-01-01)`.
    pub did: Vec<String>,
}

/// A limit as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitSeen {
    /// `day`, `lifetime`, …
    pub window: &'static str,
    /// Fired in it before.
    pub used: u32,
    /// Allowed.
    pub count: u32,
}
