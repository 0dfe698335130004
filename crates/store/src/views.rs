//! The rows of the views: what the records add up to, kept so that they can be read at once.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::{Account, CurrencyKey, ProfileId};

use crate::Stream;

/// What a profile stands on for which nothing is decided any more: it was merged into another, or erased.
pub const NO_MANIFEST: [u8; 32] = [0; 32];

/// A profile's state as a view row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    /// Which profile.
    pub id: ProfileId,
    /// Its stream's last position; what optimistic writes are checked against.
    pub n: u64,
    /// The hash of its stream's last record.
    pub tail: [u8; 32],
    /// The state, encoded by the engine.
    pub state: Arc<[u8]>,
    /// What it was last decided under: the manifest, and constants that audiences read. It tells which profiles a
    /// sweep has still to visit; [`NO_MANIFEST`] for one that it never has to.
    pub manifest: [u8; 32],
    /// The earliest work that is due for it.
    pub due_at: Option<Timestamp>,
}

/// Where a profile's stream ends. The hash says which history it is: two that are as long are not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Its last position.
    pub n: u64,
    /// The hash of its last record.
    pub hash: [u8; 32],
}

impl Tail {
    /// Tells histories of one profile apart, in few bits: the hash is salted, so nobody can aim at them.
    pub fn mark(&self) -> i64 {
        let (mut mark, from) = ([0; 8], &self.hash[..8]);
        mark.copy_from_slice(from);
        i64::from_be_bytes(mark)
    }
}

impl ProfileRow {
    /// Where its stream ends.
    pub const fn tail(&self) -> Tail {
        Tail { n: self.n, hash: self.tail }
    }
}

/// A profile row to write. When the profile's stream does not end at `from` any more the batch has been overtaken
/// (see [`crate::Deciding::overtaken`]).
#[derive(Clone, Debug)]
pub struct ProfileWrite {
    /// What this write was decided from; `None` when the profile is new.
    pub from: Option<Tail>,
    /// The row.
    pub row: ProfileRow,
    /// Memberships gained, with the time.
    pub entered: Vec<(Arc<str>, Timestamp)>,
    /// Memberships lost.
    pub left: Vec<Arc<str>>,
    /// Search terms gained: trait key and normalised value.
    pub found_by: Vec<(Arc<str>, String)>,
    /// Search terms lost.
    pub no_longer_found_by: Vec<(Arc<str>, String)>,
}

impl ProfileWrite {
    /// The position that this write was decided from; 0 when the profile is new.
    pub fn expected(&self) -> u64 {
        self.from.map_or(0, |tail| tail.n)
    }
}

/// A member of an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The profile.
    pub profile: ProfileId,
    /// Since when.
    pub since: Timestamp,
}

/// A change of an environment account: a sum, kept in shards where that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumChange {
    /// The currency.
    pub currency: CurrencyKey,
    /// The account. Profile accounts are summed too (their sum is the liability).
    pub account: Account,
    /// By how much.
    pub amount: i64,
}

/// A counter shared by many profiles: a budget now, stock later. Named by owner and kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterKey(pub String);

/// What a decision asks of a shared counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Which.
    pub counter: CounterKey,
    /// The counter's ceiling as the program says now; used grows towards it.
    pub ceiling: i64,
    /// How much is asked for; positive.
    pub amount: i64,
    /// Whether less than all may be given.
    pub part: bool,
}

/// What was given: between 0 and the amount asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// How much.
    pub amount: i64,
    /// The grant's position in the counter's stream, from 1, without gaps (also for a grant of 0).
    pub n: u64,
}

/// A key of the directory. The hashes are keyed with a secret of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirectoryKey {
    /// A message id that has had its effect.
    Message([u8; 16]),
    /// A user id or anonymous id.
    Identity([u8; 16]),
    /// A value of an event type's `unique_by`.
    Unique([u8; 16]),
    /// The Idempotency-Key of a command.
    Command([u8; 16]),
}

/// What a directory key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryEntry {
    /// The record that holds the effect.
    Record(Stream, u64),
    /// The profile an identity belongs to.
    Profile(ProfileId),
}

/// A directory row to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: DirectoryKey,
    /// What it must lead to now, or `None` for absent; otherwise the batch is a conflict.
    pub expected: Option<DirectoryEntry>,
    /// What it leads to from now on.
    pub entry: DirectoryEntry,
}

/// Due work, from one table: a profile's earliest, or the environment's own (a schedule's begin or end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub owner: DueOwner,
}

/// Who has work that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueOwner {
    /// A profile; what exactly is due, its state tells.
    Profile(ProfileId),
    /// A schedule of the program, by object address; begins or ends.
    Schedule(String),
}
