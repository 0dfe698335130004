//! A profile's state: what its stream's records add up to.

mod state;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use ledger::{ProfileId, Wallets};
use rust_decimal::Decimal;

use crate::{Identity, sorted::SortedMap};

/// The state. Encodes to the same bytes for the same records.
///
/// A decision begins with a copy, of which it changes little: what is large is shared until it is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Who.
    pub id: ProfileId,
    /// The stream's last position; 0 before the first record.
    pub n: u64,
    /// Hash of the stream's last record; zeros before the first.
    pub tail: [u8; 32],
    /// What its last decision stood on ([`crate::Rules::basis`]); zeros for one that is not active any more.
    pub basis: [u8; 32],
    /// The epoch of its last decision: audiences that read constants are looked at again when it moved.
    pub epoch: u64,
    /// Latest `decided_at`; the next is not earlier.
    pub decided_at: Timestamp,
    /// Latest `occurred_at` seen (timers fire up to it).
    pub latest: Timestamp,
    /// When the first record was made.
    pub created_at: Timestamp,
    /// Latest `occurred_at` of an identify: an older one only fills in what is absent.
    pub identified_at: Option<Timestamp>,
    /// Where it stands.
    pub standing: Standing,
    /// Sorted.
    pub identities: Arc<Vec<Identity>>,
    /// Trait name → JSON text. Declared ones by key, others by their name on the wire with a leading `~`.
    pub traits: Arc<SortedMap<Arc<str>, String>>,
    /// Keys of the traits by which it can be found, as the program said when they were set.
    pub searchable: Arc<BTreeSet<Arc<str>>>,
    /// Fingerprints of the metrics declared by its program, sorted: tells a new metric from one that has
    /// counted nothing yet.
    pub declared: Arc<Vec<u64>>,
    /// By metric key; absent until it counts something.
    pub metrics: Arc<SortedMap<Arc<str>, Arc<MetricState>>>,
    /// Audience → since.
    pub audiences: Arc<SortedMap<Arc<str>, Timestamp>>,
    /// Reactor key → firings by window (see the limits).
    pub fired: Arc<SortedMap<Arc<str>, Firings>>,
    /// Points.
    pub wallets: Arc<Wallets>,
    /// When a window rolls next that an audience reads (worked out by `decide`, which knows the rules).
    pub rolls_at: Option<Timestamp>,
    /// The earliest work due, of lots and windows, worked out after every record.
    pub due_at: Option<Timestamp>,
}

/// Where a profile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A metric's state: buckets by day of the settings' zone (one bucket, day 0, for `lifetime`; one a month or
/// year, under its first day, for calendar windows), pruned when no window can reach them any more.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricState {
    /// The definition it was counted under ([`crate::rules::Index::fingerprint`]).
    pub fingerprint: u64,
    /// Buckets this many days before the newest, or more, are dropped; 0 keeps all.
    pub keep_days: u16,
    /// Day (days since 1970-01-01 in the zone; 0 for lifetime) → what that day adds up to.
    pub buckets: SortedMap<i32, Observed>,
}

/// One thing a metric counted: its bucket's day and the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The bucket.
    pub day: i32,
    /// The value, and how it is put together with what is there.
    pub value: Observed,
}

/// What was observed, and what a bucket of observations adds up to: the same thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// So many.
    Count(u64),
    /// A sum.
    Sum(Decimal),
    /// The smaller is kept.
    Min(Decimal),
    /// The larger is kept.
    Max(Decimal),
    /// The later is kept (equal times: the newer record). JSON text.
    Last(Timestamp, String),
    /// The earlier time is kept.
    Earliest(Timestamp),
    /// The later time is kept.
    Latest(Timestamp),
}

/// How often a reactor has fired for this member, by the windows limits can name. Keyed by window start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firings {
    /// Ever.
    pub lifetime: u32,
    /// Kind of window ([`crate::calendar`]) and its first day (days since 1970) → count. Of each kind the
    /// newest [`Firings::KEPT`] windows in which it fired are kept.
    pub windows: BTreeMap<(u8, i32), u32>,
}

impl Firings {
    /// How many windows of a kind are kept.
    pub const KEPT: usize = 32;
}

impl Profile {
    /// A profile before its first record.
    pub fn new(id: ProfileId) -> Self {
        Self {
            id,
            n: 0,
            tail: [0; 32],
            basis: [0; 32],
            epoch: 0,
            decided_at: Timestamp::UNIX_EPOCH,
            latest: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
            identified_at: None,
            standing: Standing::Anonymous,
            identities: Arc::default(),
            traits: Arc::default(),
            searchable: Arc::default(),
            declared: Arc::default(),
            metrics: Arc::default(),
            audiences: Arc::default(),
            fired: Arc::default(),
            wallets: Arc::default(),
            rolls_at: None,
            due_at: None,
        }
    }

    /// Whether messages are still decided for it: neither merged away nor erased.
    pub const fn is_active(&self) -> bool {
        matches!(self.standing, Standing::Anonymous | Standing::Known)
    }

    /// The earliest work of this profile that is due at or before `at`.
    pub fn due_before(&self, at: Timestamp) -> Option<Timestamp> {
        self.due_at.filter(|due| *due <= at)
    }

    /// The state as bytes (deterministic).
    pub fn encode(&self) -> Vec<u8> {
        state::encode(self)
    }

    /// Reads a state of any format ever written.
    pub fn decode(bytes: &[u8]) -> Result<Self, crate::record::Undecodable> {
        state::decode(bytes)
    }
}
