//! resolve: whose event it is.

use ledger::ProfileId;
use serde::{Deserialize, Serialize};

use crate::{Message, MessageKind, Source};

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

/// Resolves. Rules:
///
/// * A user id and an anonymous id in one message are one person, unless the anonymous id already belongs
///   to another known person (a shared device): then it stays theirs.
/// * An anonymous profile is merged into the known one.
/// * Two known profiles are merged only by alias, and not by one from a browser key: a page in a browser
///   must not take over somebody's wallet by saying so.
/// * An alias of an id that nobody has claims it both as user id and as anonymous id (from a browser only as
///   anonymous id), so that whatever comes under it later is this person's.
/// * Without any owner the profile is new; its id derives from the message id.
pub fn resolve(message: &Message, known: Known) -> Resolution {
    let is_alias = message.kind == MessageKind::Alias;
    let trusted = message.source != Source::Browser;
    let previous = known.previous.filter(|owner| is_alias && (trusted || !owner.known));
    let anonymous = known.anonymous.filter(|owner| message.user_id.is_none() || !owner.known);
    let owner = known.user.or(previous.filter(|owner| owner.known)).or(anonymous).or(previous);
    let target =
        owner.map_or_else(|| crate::decide::profile_id_for(&message.message_id), |owner| owner.profile);

    let mut merges = Vec::new();
    for other in [anonymous, previous].into_iter().flatten() {
        if other.profile != target && !merges.contains(&other.profile) {
            merges.push(other.profile);
        }
    }

    let mut claims = Vec::new();
    let mut claim = |identity: Identity| {
        if !claims.contains(&identity) {
            claims.push(identity);
        }
    };
    if let (Some(id), None) = (&message.user_id, known.user) {
        claim(Identity::User(id.clone()));
    }
    if let (Some(id), None) = (&message.anonymous_id, known.anonymous) {
        claim(Identity::Anonymous(id.clone()));
    }
    if let (true, Some(id), None) = (is_alias, &message.previous_id, known.previous) {
        let is_user = message.user_id.as_ref() == Some(id);
        let is_anonymous = message.anonymous_id.as_ref() == Some(id);
        if trusted && !is_user {
            claim(Identity::User(id.clone()));
        }
        if !is_user && !is_anonymous {
            claim(Identity::Anonymous(id.clone()));
        }
    }
    Resolution { target, created: owner.is_none(), merges, claims }
}
