//! Outside state: neither journal nor view. Backed up, never rebuilt.

use jiff::Timestamp;
use ledger::ProfileId;

use crate::Rehearsal;

/// Something to send, born in the deciding commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// The profile it is for.
    pub profile: ProfileId,
    /// The record that made it.
    pub n: u64,
    /// Its place among that record's.
    pub index: u16,
    /// `webhook`, `email`, `sms`, `push`.
    pub channel: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The environment's incarnation at that time.
    pub incarnation: u64,
    /// `recorded` for now: nothing is sent yet.
    pub status: String,
    /// What would be sent, as JSON. Deleted on erasure.
    pub payload: String,
}

/// An event in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineRow {
    /// The message key that names its stream.
    pub message: [u8; 16],
    /// The directory hash of the identity it names, or the profile it would belong to, if that is known:
    /// erased with it.
    pub identity: Option<[u8; 16]>,
    /// When it was put aside.
    pub at: Timestamp,
    /// The event's name, if it has one.
    pub name: Option<String>,
    /// Stable code: `schema`, `unknown_event`, `unknown_field`, `malformed`, `fault`, `forbidden_source`.
    pub code: String,
    /// Why, for people, as JSON: `[{pointer, detail}]`.
    pub errors: String,
}

/// A key, hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id (public).
    pub id: String,
    /// SHA-256 of the key's text.
    pub hash: [u8; 32],
    /// `wk`, `pk` or `sk`.
    pub prefix: String,
    /// A name for people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The last four characters, to recognise it by.
    pub hint: String,
}

/// A secret's value, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its key in the program.
    pub key: String,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
    /// When it was set.
    pub set_at: Timestamp,
    /// Who.
    pub actor: String,
}

/// A change of outside state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutsideChange {
    /// Adds a key, or writes one of the same id anew.
    PutKey(KeyRow),
    /// Sets a secret.
    PutSecret(SecretRow),
    /// Forgets a secret.
    DropSecret(String),
    /// Notes how far an import has come.
    PutCheckpoint(String, String),
    /// Keeps a report as the newest; beyond [`crate::REHEARSALS_KEPT`] the oldest goes. What it says of members who are
    /// on the list of erasures is left out: they may have been erased while it was made.
    PutRehearsal(Box<Rehearsal>),
}
