//! The control stream and configuration: rows, and what one control change writes.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

use crate::{NewRecord, OutsideChange};

/// Who an environment is. Stands in its own store and in the registry; they must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// UUID of the environment.
    pub id: [u8; 16],
    /// Its name, e.g. `live`, `staging`.
    pub name: String,
    /// Live or test, fixed at birth.
    pub live: bool,
    /// Grows when the environment is restored or cloned; deliveries of older ones stay paused.
    pub incarnation: u64,
    /// Keys the directory's hashes.
    pub directory_key: [u8; 32],
}

/// A piece of configuration, content-addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// SHA-256 of `canonical`.
    pub hash: [u8; 32],
    /// The canonical bytes.
    pub canonical: Arc<str>,
}

/// A revision, content-addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionRow {
    /// Its id.
    pub id: [u8; 32],
    /// The manifest's hash.
    pub manifest: [u8; 32],
    /// The whole revision as canonical JSON (manifest, parent, author, message, origin, time).
    pub canonical: Arc<str>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// A promotion or apply, recorded in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionRow {
    /// The control record that carried it out.
    pub epoch: u64,
    /// Where from: an environment's id, or a directory's recorded origin.
    pub source: String,
    /// The source's manifest at that time: the base of the next comparison.
    pub source_manifest: [u8; 32],
    /// The source's revision.
    pub source_revision: Option<[u8; 32]>,
    /// The plan's digest.
    pub digest: String,
    /// The plan as JSON.
    pub plan: Arc<str>,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// A control record as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlRow {
    /// Its position.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// The record's header, to decode.
    pub header: Vec<u8>,
}

/// What must still hold when a control change is written, checked inside its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A secret has a value.
    SecretBound(String),
    /// It has none.
    SecretUnbound(String),
    /// Nobody holds points of this currency: the sums of its profile accounts are zero.
    NoBalance(String),
    /// The audience has exactly this many members (a plan said so).
    Members(String, u64),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretBound(key) => write!(f, "secret `{key}` must have a value"),
            Self::SecretUnbound(key) => write!(f, "secret `{key}` must have no value"),
            Self::NoBalance(currency) => write!(f, "nobody may hold `{currency}`"),
            Self::Members(audience, count) => write!(f, "audience `{audience}` must have {count} members"),
        }
    }
}

/// One change of the control stream: all or nothing.
#[derive(Clone, Debug, Default)]
pub struct ControlWrites {
    /// The record; `None` only when nothing that decisions depend on changes.
    pub record: Option<NewRecord>,
    /// Checked first; the failing one is named in the error.
    pub conditions: Vec<Condition>,
    /// Content to keep (existing rows stay as they are).
    pub objects: Vec<ObjectRow>,
    /// Content to keep.
    pub revisions: Vec<RevisionRow>,
    /// A promotion to note.
    pub promotion: Option<PromotionRow>,
    /// The environment's own due work, replaced whole when given: schedules that begin and end.
    pub schedules: Option<Vec<(String, Timestamp)>>,
    /// Outside state that goes with it.
    pub outside: Vec<OutsideChange>,
}
