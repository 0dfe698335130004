//! Rehearsals' reports: kept in the environment whose history they read. Outside state, like keys: neither journal
//! nor view; backed up, carried, never rebuilt.

use jiff::Timestamp;
use ledger::ProfileId;

/// How many reports are kept: the newest. One more, and the oldest goes.
pub const REHEARSALS_KEPT: usize = 100;

/// A report in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsalRow {
    /// Its id.
    pub id: String,
    /// When it was done.
    pub at: Timestamp,
    /// Id of the administrator or key who asked for it.
    pub actor_id: String,
    /// Their name then.
    pub actor: String,
    /// The plan's digest.
    pub digest: String,
    /// The manifest of the environment's program then; absent before the first.
    pub current: Option<[u8; 32]>,
    /// The candidate's manifest.
    pub candidate: [u8; 32],
    /// Events from here on.
    pub since: Option<Timestamp>,
    /// And until here.
    pub until: Option<Timestamp>,
    /// Whether the record came out as it is recorded.
    pub trusted: bool,
}

/// A report, whole. What it says of single members stands apart from the rest, so that it goes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// What a list shows of it.
    pub row: RehearsalRow,
    /// What it says of nobody in particular, as JSON.
    pub report: String,
    /// What it says of members, in its order.
    pub members: Vec<AboutMember>,
}

/// What a report says of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AboutMember {
    /// Whom.
    pub profile: ProfileId,
    /// What, as JSON; empty once the member has been erased.
    pub about: String,
}
