//! Making an environment out of another store's rows: what leaves a store, and what takes it in.
//!
//! Everything that cannot be made again from the journal leaves as [`Carried`] rows, in a fixed order, the same
//! from every backend; the views are made again by whoever moves it. An environment that is being made is
//! registered as such, opened by nobody, and either finished or begun anew.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    CounterKey, Environment, KeyRow, ObjectRow, OutboxRow, PromotionRow, Record, Rehearsal, Result,
    RevisionRow, SecretRow, Stream, Writes,
};

/// A row that leaves a store. The kinds come in this order, each sorted as its text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A record of the control stream; in order.
    Control(Record),
    /// By hash.
    Object(ObjectRow),
    /// Oldest first.
    Revision(RevisionRow),
    /// Oldest first.
    Promotion(PromotionRow),
    /// The environment's own due work, by time and address.
    Schedule(String, Timestamp),
    /// By id.
    Key(KeyRow),
    /// By its key.
    Secret(SecretRow),
    /// An import's name and how far it has come; by name.
    Checkpoint(String, String),
    /// A rehearsal's report; oldest first.
    Rehearsal(Box<Rehearsal>),
    /// A record of a profile's or a quarantined event's stream; in the order of the feed.
    Record(CarriedRecord),
    /// A stream whose bodies are gone for good; by stream.
    Erasure {
        /// Which.
        stream: Stream,
        /// When it was erased.
        at: Timestamp,
        /// Brought back by a restore and still to be erased (see [`Environment::erasures_pending`]).
        pending: bool,
    },
}

/// A record, with what hangs on it and is no view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedRecord {
    /// The record; without its body if it was erased.
    pub record: Record,
    /// What it put into the outbox, by place.
    pub outbox: Vec<OutboxRow>,
    /// Of a quarantined event: whose it is, as [`Environment::quarantine_of`] finds it.
    pub identity: Option<[u8; 16]>,
}

/// One of several equal parts of a view's export: the lines whose CRC-32 leaves `no` when divided by `of`. So
/// that a large view can be compared without holding all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which, below `of`.
    pub no: u32,
    /// Of how many.
    pub of: u32,
}

impl Share {
    /// The whole.
    pub const ALL: Self = Self { no: 0, of: 1 };

    /// Whether the line is in this share.
    pub fn holds(self, line: &str) -> bool {
        self.of <= 1 || crc32fast::hash(line.as_bytes()) % self.of == self.no
    }
}

/// An environment that is being made out of another store's rows. Dropped before [`Making::finish`], it stays
/// registered as being made: nobody opens it, and [`crate::Backend::begin`] begins it anew.
#[async_trait]
pub trait Making: Send + Sync {
    /// What has been put so far, to be read.
    fn environment(&self) -> Arc<dyn Environment>;

    /// Puts rows as they are, all or nothing, in the order in which [`Environment::carry`] gave them. A gap in a
    /// stream is [`crate::Error::Refused`].
    async fn put(&self, rows: Vec<Carried>) -> Result<()>;

    /// Puts rows of views, in any order and in parts: claims (whatever they lead to now), profiles of streams
    /// that have been put whole (`expected` is not looked at), sums, what stands in quarantine.
    async fn fill(&self, views: Writes) -> Result<()>;

    /// Puts the counters: key, used, last position. Called once, after the last rows.
    async fn counters(&self, counters: Vec<(CounterKey, i64, u64)>) -> Result<()>;

    /// Marks it as made, durably. From now on it can be opened, and [`Making::environment`] answers no more.
    async fn finish(&self) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_in_one_share() {
        let lines: Vec<String> = (0..100).map(|no| format!("line {no}")).collect();
        for of in [1, 2, 7] {
            for line in &lines {
                let holders = (0..of).filter(|no| Share { no: *no, of }.holds(line)).count();
                assert_eq!(holders, 1, "{line} of {of}");
            }
        }
        assert!(lines.iter().all(|line| Share::ALL.holds(line)));
    }
}
