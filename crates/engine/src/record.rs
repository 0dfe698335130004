//! Records: a decision written down. Header (kept for ever) and body (erasable), and the hash chain.

mod body;
pub(crate) mod form;
mod header;
mod message;

use jiff::Timestamp;
use ledger::ProfileId;
use sha2::{Digest, Sha256};

use crate::{
    Decision, Demanded, Effect, Input, Message, Times,
    profile::{Observation, Observed},
};

/// The newest format of what a record is made of; older ones stay readable.
pub const FORMAT_VERSION: u8 = body::FORMAT;

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
    /// The directory key of the event's unique value, if its type has one.
    pub unique: Option<[u8; 16]>,
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
    /// The directory key of the event's unique value.
    pub unique: Option<[u8; 16]>,
    /// The input.
    pub input: &'a Input,
    /// The input's message as records keep it, if that has been made already (see [`payload`]).
    pub payload: Option<&'a [u8]>,
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

/// Writes a record down. Times are kept to the microsecond.
pub fn encode(writing: &Writing<'_>) -> Encoded {
    let body = body::encode(writing.input, writing.payload, &writing.decision.effects, writing.salt);
    let header = header::encode(writing, sha256(&body));
    let hash = sha256(&header);
    Encoded { header, body, hash }
}

/// A message as its record keeps it.
pub fn payload(message: &Message) -> Vec<u8> {
    message::encode(message)
}

/// Reads one of any format ever written, and checks the body against its salted hash.
pub fn decode(header: &[u8], body: Option<&[u8]>) -> Result<Recorded, Undecodable> {
    open(header, body)?.read()
}

/// A record of which the decision has not been read: whether another is the same can be seen by its bytes.
pub struct Opened<'a> {
    header: header::Header<'a>,
    body: Option<body::Body<'a>>,
    hash: [u8; 32],
}

/// Opens one of any format ever written, and checks the body against its salted hash.
pub fn open<'a>(header: &'a [u8], body: Option<&'a [u8]>) -> Result<Opened<'a>, Undecodable> {
    let hash = sha256(header);
    let header = header::open(header)?;
    let mut opened = None;
    if let Some(body) = body {
        if sha256(body) != header.body {
            return Err(Undecodable("the body is not the one that the header was made for".into()));
        }
        let body = body::open(body)?;
        if body.input.kind() != header.kind {
            return Err(Undecodable("header and body are of different kinds".into()));
        }
        opened = Some(body);
    }
    Ok(Opened { header, body: opened, hash })
}

impl Opened<'_> {
    /// The stream.
    pub const fn profile(&self) -> ProfileId {
        self.header.base.profile
    }

    /// The position.
    pub const fn n(&self) -> u64 {
        self.header.base.n
    }

    /// The two times.
    pub const fn times(&self) -> Times {
        self.header.times
    }

    /// The epoch it was decided under.
    pub const fn epoch(&self) -> u64 {
        self.header.epoch
    }

    /// The engine that decided it.
    pub const fn decision_version(&self) -> u16 {
        self.header.decision_version
    }

    /// What kind of input, as a stable word.
    pub const fn kind(&self) -> &'static str {
        self.header.kind
    }

    /// The input; `None` when the body is gone.
    pub fn input(&self) -> Option<&Input> {
        self.body.as_ref().map(|body| &body.input)
    }

    /// Hash of the previous record.
    pub const fn previous(&self) -> [u8; 32] {
        self.header.previous
    }

    /// Hash of this record's header.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The grants that it was given.
    pub fn grants(&self) -> Result<Vec<Demanded>, Undecodable> {
        Ok(self.header.decision()?.grants)
    }

    /// Whether this decision is recorded, to the byte. Not so for a record whose body is gone. `scratch` is written
    /// over; giving the same one each time saves making it.
    pub fn holds(&self, decision: &Decision, scratch: &mut Vec<u8>) -> bool {
        self.header.keeps(decision, scratch)
            && self.body.as_ref().is_some_and(|body| body.has(&decision.effects, scratch))
    }

    /// What was decided; `effects` is empty when the body is gone.
    pub fn decision(&self) -> Result<Decision, Undecodable> {
        let mut decision = self.header.decision()?;
        if let Some(body) = &self.body {
            decision.effects = body.effects()?;
        }
        Ok(decision)
    }

    /// The record as a whole.
    pub fn read(self) -> Result<Recorded, Undecodable> {
        let decision = self.decision()?;
        let header::Header { base, times, epoch, decision_version, kind, key, unique, previous, .. } =
            self.header;
        Ok(Recorded {
            profile: base.profile,
            n: base.n,
            times,
            epoch,
            decision_version,
            kind,
            key,
            unique,
            decision,
            input: self.body.map(|body| body.input),
            previous,
            hash: self.hash,
        })
    }
}

/// Whether two decisions are written in the same bytes: what `verify` and a rehearsal's control ask of each record.
pub fn is_same(one: &Decision, other: &Decision) -> bool {
    // Nearly always they are alike already as they lie in memory, which is quicker seen.
    (one == other && one.effects.iter().zip(&other.effects).all(is_written_alike))
        || decision_bytes(one) == decision_bytes(other)
}

/// Equal effects can be written in different bytes: 1.0 and 1.00 are equal numbers.
fn is_written_alike((one, other): (&Effect, &Effect)) -> bool {
    let alike = |one: &Observation, other: &Observation| match (&one.value, &other.value) {
        (Observed::Sum(one), Observed::Sum(other))
        | (Observed::Min(one), Observed::Min(other))
        | (Observed::Max(one), Observed::Max(other)) => one.serialize() == other.serialize(),
        _ => true,
    };
    match (one, other) {
        (Effect::Observe(_, one), Effect::Observe(_, other)) => alike(one, other),
        (Effect::Define(.., one), Effect::Define(.., other)) => {
            one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        _ => true,
    }
}

/// The exact bytes by which decisions are compared: outcomes, groups, grants and effects.
pub fn decision_bytes(decision: &Decision) -> Vec<u8> {
    let base = header::Base { profile: ProfileId([0; 16]), n: 0, occurred_at: Timestamp::UNIX_EPOCH };
    let kept = header::KeptForm::of(decision, base);
    form::put(Vec::new(), &(kept, body::effects_form(&decision.effects)))
}

/// The body's reader alone, for tests that look past its hash.
#[cfg(test)]
pub(crate) fn body_of(body: &[u8]) -> Result<(Input, Vec<crate::Effect>), Undecodable> {
    let body = body::open(body)?;
    let effects = body.effects()?;
    Ok((body.input, effects))
}

/// The reader of payloads alone, for tests.
#[cfg(test)]
pub(crate) fn message_of(payload: &[u8]) -> Result<Message, Undecodable> {
    message::decode(payload)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
