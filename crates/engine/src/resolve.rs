//! resolve: whose event it is.

use ledger::ProfileId;
use serde::{Deserialize, Serialize};

use crate::Message;

/// An id a client gave a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// `userId`
    User(String),
    /// `anonymousId`
    Anonymous(String),
}

/// What the directory knows of a message's identities, after following merges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Owner of `userId`.
    pub user: Option<Owner>,
    /// Owner of `anonymousId`.
    pub anonymous: Option<Owner>,
    /// Alias: owner of `previousId`, looked up as a user id, then as an anonymous id.
    pub previous: Option<Owner>,
}

/// A profile that owns an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Which.
    pub profile: ProfileId,
    /// Whether it has a user id.
    pub known: bool,
}

/// Whose event it is and what must happen first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The profile the message is decided for.
    pub target: ProfileId,
    /// It does not exist yet.
    pub created: bool,
    /// Profiles merged into the target first, in this order.
    pub merges: Vec<ProfileId>,
    /// Identities that become the target's with this message (the directory claims).
    pub claims: Vec<Identity>,
}

/// Resolves. Rules: a user id and an anonymous id in one message are one person, unless the anonymous id
/// already belongs to another known person (a shared device: it stays theirs); an anonymous profile is
/// merged into the known one; two known profiles are merged only by alias.
pub fn resolve(message: &Message, known: Known) -> Resolution {
    unimplemented!()
}
