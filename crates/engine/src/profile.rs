//! A profile's state: what its stream's records add up to.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use ledger::{ProfileId, Wallets};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Identity;

/// The state. Encodes to the same bytes for the same records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Who.
    pub id: ProfileId,
    /// The stream's last position; 0 before the first record.
    pub n: u64,
    /// Hash of the stream's last record; zeros before the first.
    pub tail: [u8; 32],
    /// The manifest of its last decision.
    pub manifest: [u8; 32],
    /// Latest `decided_at`; the next is not earlier.
    pub decided_at: Timestamp,
    /// Latest `occurred_at` seen (timers fire up to it).
    pub latest: Timestamp,
    /// When the first record was made.
    pub created_at: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// Sorted.
    pub identities: Vec<Identity>,
    /// Trait name → JSON text. Declared ones by key, others by their name on the wire with a leading `~`.
    pub traits: BTreeMap<Arc<str>, String>,
    /// By metric key.
    pub metrics: BTreeMap<Arc<str>, MetricState>,
    /// Audience → since.
    pub audiences: BTreeMap<Arc<str>, Timestamp>,
    /// Reactor key → firings by window (see the limits).
    pub fired: BTreeMap<Arc<str>, Firings>,
    /// Points.
    pub wallets: Wallets,
    /// The earliest work due, worked out after every record.
    pub due_at: Option<Timestamp>,
}

/// Where a profile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Only anonymous ids.
    Anonymous,
    /// Has a user id.
    Known,
    /// Lives on in another.
    MergedInto(ProfileId),
    /// Erased; only the ledger's headers remain.
    Erased,
}

/// A metric's state: buckets by day of the settings' zone (one bucket for `lifetime`), pruned when no
/// window can reach them any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricState {
    /// The definition it was counted under.
    pub fingerprint: u64,
    /// Day (days since 1970-01-01 in the zone; 0 for lifetime) → what that day adds up to.
    pub buckets: BTreeMap<i32, Bucket>,
}

/// What a metric's bucket holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bucket {
    /// count
    Count(u64),
    /// sum, min, max
    Number(Decimal),
    /// last: when, and JSON text
    Last(Timestamp, String),
    /// min or max of times
    Time(Timestamp),
}

/// One thing a metric counted: its bucket's day and the value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The bucket.
    pub day: i32,
    /// How it is put together with what is there.
    pub value: Observed,
}

/// How an observation joins its bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Observed {
    /// One more (or `n` more, when defined anew).
    Count(u64),
    /// Add.
    Add(Decimal),
    /// Keep the smaller.
    Min(Decimal),
    /// Keep the larger.
    Max(Decimal),
    /// Keep the later (equal times: the newer record).
    Last(Timestamp, String),
    /// Keep the earlier time.
    Earliest(Timestamp),
    /// Keep the later time.
    Latest(Timestamp),
}

/// How often a reactor has fired for this member, by the windows limits can name. Keyed by window start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firings {
    /// Ever.
    pub lifetime: u32,
    /// First day of the window (days since 1970) and kind → count. Old ones are pruned.
    pub windows: BTreeMap<(u8, i32), u32>,
}

impl Profile {
    /// A profile before its first record.
    pub fn new(id: ProfileId) -> Self {
        unimplemented!()
    }

    /// The state as bytes (deterministic).
    pub fn encode(&self) -> Vec<u8> {
        unimplemented!()
    }

    /// Reads a state of any format ever written.
    pub fn decode(bytes: &[u8]) -> Result<Self, crate::record::Undecodable> {
        unimplemented!()
    }
}
