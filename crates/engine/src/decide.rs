//! decide and settle: what an input does to a profile.

use ledger::ProfileId;
use sha2::{Digest, Sha256};

use crate::{Decision, Fault, Input, Profile, Rules, Times, Trace};

/// A demand on a counter shared by many profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterDemand {
    /// Which counter, e.g. `budget/reactor/spring_bonus`.
    pub counter: String,
    /// Its ceiling as the program says.
    pub ceiling: i64,
    /// How much; positive.
    pub amount: i64,
    /// Whether less will do.
    pub part: bool,
}

/// What deciding gives.
#[derive(Debug)]
pub enum Proposal {
    /// Decided, with what it saw.
    Decided(Box<Decision>, Trace),
    /// First this must be granted.
    Demands(CounterDemand, Suspended),
}

/// A decision waiting for a grant. Give it to [`settle`].
#[derive(Debug)]
pub struct Suspended {
    // everything decide was given, and the grants so far
}

/// What an input does to a profile. `profile` is the state before; for a new profile
/// [`Profile::new`].
pub fn decide(rules: &Rules, profile: &Profile, input: &Input, times: Times) -> Result<Proposal, Fault> {
    unimplemented!()
}

/// Goes on with a grant: amount and position in the counter's stream.
pub fn settle(suspended: Suspended, granted: i64, n: u64) -> Result<Proposal, Fault> {
    unimplemented!()
}

/// The id of the profile that a message creates: derived from the message id, so that a replay makes the
/// same one in every environment.
pub fn profile_id_for(message_id: &str) -> ProfileId {
    let mut hash = Sha256::new();
    hash.update(b"greenroom profile\n");
    hash.update(message_id);
    let hash: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    ProfileId(id)
}
