//! Several processes over one store: who is there, who does what only one shall do, and what each knows.
//!
//! None of this decides what is right: a batch is checked against the epoch and against what it read whoever
//! writes it, and due work that fires twice finds nothing left to do. It decides that work is done once, that
//! it moves on when a process dies, and that a change is known everywhere before it is acknowledged.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Epoch, Record, Result};

/// A process that serves an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Drawn when it began to serve; another one after a restart.
    pub id: [u8; 16],
    /// A name for people.
    pub name: String,
    /// When it began, by its own clock.
    pub started_at: Timestamp,
    /// When it was last heard of, by the store's clock.
    pub seen_at: Timestamp,
    /// Everything up to this epoch has reached it: rules, keys, constants.
    pub epoch: Epoch,
    /// It takes in history: due work must not fire by the clock meanwhile, on no node.
    pub holds_timers: bool,
    /// What it alone does at the moment, sorted.
    pub duties: Vec<String>,
}

/// What a node says when it reports.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Which node.
    pub id: [u8; 16],
    /// Its name.
    pub name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// See [`NodeRow::epoch`].
    pub epoch: Epoch,
    /// See [`NodeRow::holds_timers`].
    pub holds_timers: bool,
    /// Duties that it would do; those that it does not name any more it gives up.
    pub duties: Vec<String>,
    /// Whoever has not been heard of for so long is not there any more, and its duties go to whoever asks.
    pub lasts: Duration,
}

/// What a node hears when it has reported.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The store's clock, to be compared with [`NodeRow::seen_at`]: of the moment before anything was read.
    pub at: Timestamp,
    /// The newest epoch.
    pub epoch: Epoch,
    /// Who is there, by name and id, the one that reports among them.
    pub nodes: Vec<NodeRow>,
}

/// Where the processes that serve an environment meet.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Reports, takes or keeps the duties that nobody else has, and hears who is there. In one step: of two
    /// that ask for a duty at once, one gets it. What the report says is seen by whoever reports after it.
    /// [`crate::Error::Closed`] when the environment was restored since this handle was opened.
    async fn beat(&self, beat: &Beat) -> Result<Heard>;
    /// Who is there, for one that does not serve it itself; by name and id.
    async fn there(&self) -> Result<Vec<NodeRow>>;
    /// Says that a node is not there any more; its duties are free at once.
    async fn leave(&self, id: [u8; 16]) -> Result<()>;
    /// What the other processes commit from now on. Costs nothing before it is asked for.
    async fn elsewhere(&self) -> Result<Box<dyn Elsewhere>>;
}

/// What other processes commit. Dropped by whoever does not want to know any more.
#[async_trait]
pub trait Elsewhere: Send {
    /// The next records of profile and quarantine streams, in the order of the feed, so many at most; fewer when that
    /// is all for now. After an error it goes on where it was. None is left out, and none is of a batch that this
    /// process began after it had asked for this; of those that were under way then there may be some.
    async fn next(&mut self, limit: usize) -> Result<Vec<Record>>;
}
