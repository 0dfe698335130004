//! The storage contract: what every backend promises, in types and in words.
//!
//! One [`Environment`] handle gives one environment's store. The **journal** is the truth: append-only
//! records in streams, each addressed `(stream, n)` without gaps. **Views** (profiles, memberships, search,
//! due work, sums, counters, directory) are what the records add up to and can be dropped and rebuilt.
//! **Outside state** (outbox and deliveries, keys, secrets, rehearsals' reports) is neither. The three stand apart in
//! [`Writes`], so that a backend may keep journal and views in different places and fill the views behind.
//!
//! The contract has no order between streams. [`Cursor`]s are opaque. A record's bytes are opaque: the
//! engine encodes and chains them, the store keeps them and checks their sums. Times are kept to the
//! microsecond; what is finer is cut off.

pub mod conformance;

mod backend;
mod backup;
mod control;
pub mod encoding;
mod environment;
mod finding;
mod making;
mod nodes;
mod outside;
mod reach;
mod records;
mod rehearsals;
mod views;

pub use backend::*;
pub use backup::*;
pub use control::*;
pub use environment::*;
pub use finding::*;
pub use making::*;
pub use nodes::*;
pub use outside::*;
pub use reach::*;
pub use records::*;
pub use rehearsals::*;
pub use views::*;

/// What can go wrong in a store. One type for every backend.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A checksum or chain did not fit: the bytes on disk are not those that were written.
    #[error(
        "data is damaged: {what} ({detail}); restore a backup, or `greenroom rebuild` when `greenroom verify` finds \
         only views damaged"
    )]
    Damaged {
        /// Which row or file.
        what: String,
        /// What did not fit.
        detail: String,
    },
    /// The data is older than what was acknowledged (an older copy was put back).
    #[error("{what} is older than what has been acknowledged: {detail}")]
    Rewound {
        /// Which file.
        what: String,
        /// What the anchor says, and what is there.
        detail: String,
    },
    /// Another process holds the data folder.
    #[error("{0} is in use by another process; only one greenroom may serve a data folder")]
    InUse(String),
    /// The disk is full, or over the environment's limit.
    #[error("no space left for {0}; nothing was acknowledged, free some space and it goes on by itself")]
    Full(String),
    /// A write or sync failed and the writer is reopening, or a database cannot be reached. Nothing was acknowledged.
    #[error("the store cannot be written at the moment: {0}")]
    Recovering(String),
    /// There is no such thing.
    #[error("{0} does not exist")]
    Missing(String),
    /// It exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// A cursor that this store did not give out.
    #[error("this is not a cursor of this list")]
    Cursor,
    /// A condition of a control change does not hold any more; nothing was written.
    #[error("{condition}, but {found}")]
    Unmet {
        /// Which one.
        condition: Condition,
        /// What was found instead.
        found: String,
    },
    /// What was asked breaks the contract (a gap in a stream, a record without its profile row, …): a fault
    /// of the caller. Nothing was written, and doing it again will not help.
    #[error("refused: {0}")]
    Refused(String),
    /// A backup that cannot be put where it was to go. Says why without naming a path: whoever asked may not be on
    /// this machine. Nothing was changed.
    #[error("the backup cannot be restored: {0}")]
    Unrestorable(String),
    /// The batch's own `step` panicked; nothing was written and the store goes on.
    #[error("deciding a batch panicked: {0}")]
    Panicked(String),
    /// This handle has been closed.
    #[error("the store of {0} is closed")]
    Closed(String),
    /// Anything else the backend says.
    #[error("{doing}: {source}")]
    Backend {
        /// What was being done.
        doing: String,
        /// The backend's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// The same for everybody else who waited for the same write, or comes while the store is not open.
    #[must_use]
    pub fn shared(&self) -> Self {
        match self {
            Self::Full(what) => Self::Full(what.clone()),
            Self::Recovering(why) => Self::Recovering(why.clone()),
            Self::Damaged { what, detail } => Self::Damaged { what: what.clone(), detail: detail.clone() },
            Self::Rewound { what, detail } => Self::Rewound { what: what.clone(), detail: detail.clone() },
            other => Self::Recovering(other.to_string()),
        }
    }
}

/// The result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;
