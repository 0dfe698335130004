//! Records: a decision written down. Header (kept for ever) and body (erasable), and the hash chain.

use jiff::Timestamp;
use ledger::ProfileId;

use crate::{Decision, Input, Times};

/// A record, decoded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The stream.
    pub profile: ProfileId,
    /// The position.
    pub n: u64,
    /// The two times.
    pub times: Times,
    /// The epoch it was decided under.
    pub epoch: u64,
    /// The engine that decided it.
    pub decision_version: u16,
    /// What kind of input, as a stable word: `track`, `identify`, `timer`, `upgrade`, `credit`, …
    pub kind: &'static str,
    /// Its directory key, if it came as a message or an idempotent command.
    pub key: Option<[u8; 16]>,
    /// What was decided; `effects` is empty when the body is gone.
    pub decision: Decision,
    /// The input; `None` when the body is gone.
    pub input: Option<Input>,
    /// Hash of the previous record.
    pub previous: [u8; 32],
    /// Hash of this record's header.
    pub hash: [u8; 32],
}

/// What goes into a record besides the decision.
#[derive(Clone, Debug)]
pub struct Writing<'a> {
    /// The stream.
    pub profile: ProfileId,
    /// The position.
    pub n: u64,
    /// The two times.
    pub times: Times,
    /// The epoch.
    pub epoch: u64,
    /// Its directory key.
    pub key: Option<[u8; 16]>,
    /// The input.
    pub input: &'a Input,
    /// What was decided.
    pub decision: &'a Decision,
    /// Hash of the stream's last record.
    pub previous: [u8; 32],
    /// Random bytes that salt the body's hash. Not part of any decision.
    pub salt: [u8; 16],
}

/// The bytes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Immutable.
    pub header: Vec<u8>,
    /// Erasable.
    pub body: Vec<u8>,
    /// The header's hash: the next record's `previous`.
    pub hash: [u8; 32],
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record does not decode: {0}")]
pub struct Undecodable(pub String);

/// Writes a record down.
pub fn encode(writing: &Writing<'_>) -> Encoded {
    unimplemented!()
}

/// Reads one of any format ever written, and checks the body against its salted hash.
pub fn decode(header: &[u8], body: Option<&[u8]>) -> Result<Recorded, Undecodable> {
    unimplemented!()
}

/// The exact bytes by which `verify` compares decisions: outcomes, groups, grants and effects.
pub fn decision_bytes(decision: &Decision) -> Vec<u8> {
    unimplemented!()
}

#[allow(unused)]
type At = Timestamp;
