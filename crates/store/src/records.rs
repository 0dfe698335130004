//! The journal's rows.

use jiff::Timestamp;
use ledger::ProfileId;

use crate::ProfileRow;

/// A stream: the only place where order exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// What decisions depend on besides profiles: head, constants, switches, clock. Its position is the
    /// epoch.
    Control,
    /// A profile's life.
    Profile(ProfileId),
    /// An event that was put aside, named by its message key: put aside (n = 1), then released or dropped.
    Quarantine([u8; 16]),
}

/// A record as it goes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Its stream.
    pub stream: Stream,
    /// Its position, exactly one more than the stream's last; from 1.
    pub n: u64,
    /// When it was decided; monotone in its stream. Orders feeds, roughly.
    pub decided_at: Timestamp,
    /// Immutable: encoded by the engine.
    pub header: Vec<u8>,
    /// Erasable: encoded by the engine.
    pub body: Option<Vec<u8>>,
}

/// A record as it comes out; its checksums have been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its stream.
    pub stream: Stream,
    /// Its position.
    pub n: u64,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// As written.
    pub header: Vec<u8>,
    /// As written; `None` when there was none or it has been erased.
    pub body: Option<Vec<u8>>,
}

impl From<Record> for NewRecord {
    fn from(record: Record) -> Self {
        let Record { stream, n, decided_at, header, body } = record;
        Self { stream, n, decided_at, header, body }
    }
}

/// A place in a list, meaningful only to the store that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A member's stream, or a part of one that is long, beside the member's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Whose.
    pub profile: ProfileId,
    /// The row, not older than the records; there is one, unless something is wrong.
    pub row: Option<ProfileRow>,
    /// In order, without gaps; at least one.
    pub records: Vec<Record>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Which way a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// A share of all profiles: those whose bucket is in `[from, until)`. Buckets are a fixed hash of the
/// profile id, 0 to 1023 (see [`bucket`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// First.
    pub from: u16,
    /// One past the last.
    pub until: u16,
}

impl Buckets {
    /// Every profile.
    pub const ALL: Self = Self { from: 0, until: BUCKETS };

    /// Whether the profile is in this share.
    pub fn holds(self, profile: ProfileId) -> bool {
        (self.from..self.until).contains(&bucket(profile))
    }
}

/// How many buckets there are, for ever.
pub const BUCKETS: u16 = 1024;

/// A profile's bucket: the first ten bits of its id, which is a hash already.
pub fn bucket(profile: ProfileId) -> u16 {
    u16::from_be_bytes([profile.0[0], profile.0[1]]) >> 6
}
