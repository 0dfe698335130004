//! What can happen to a profile.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::{CurrencyKey, GroupId, PostingGroup, ProfileId, micros::floor};
use serde::{Deserialize, Serialize};

use crate::{Fields, Identity, Profile};

/// The calls of the tracking protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Something happened.
    Track,
    /// Who it is.
    Identify,
    /// A page was seen.
    Page,
    /// A screen was seen.
    Screen,
    /// Membership of an organisation: kept, without effect.
    Group,
    /// Two ids are one person.
    Alias,
}

impl MessageKind {
    /// The word of the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Identify => "identify",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}

/// By which road a message came; decides what it may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A server key.
    Server,
    /// A browser key.
    Browser,
    /// An import by an administrator; as trusted as a server.
    Import,
}

/// One item of the tracking protocol, normalised: batch context merged in, times corrected. Its JSON form is this
/// struct's own, fields in this order, numbers as they were written; records keep the same in fewer bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Under 100 characters; made up by us when the client gave none.
    pub message_id: String,
    /// Which call.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// The known id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_id: Option<String>,
    /// The anonymous id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub anonymous_id: Option<String>,
    /// Alias: the id that `user_id` is another name of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_id: Option<String>,
    /// Track: the event's name. Page and screen: the page's name, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event: Option<String>,
    /// Track, page, screen.
    #[serde(skip_serializing_if = "Fields::is_none", default)]
    pub properties: Fields,
    /// Identify and group (from `traits`, or `context.traits`).
    #[serde(skip_serializing_if = "Fields::is_none", default)]
    pub traits: Fields,
    /// As sent, merged.
    #[serde(skip_serializing_if = "Fields::is_none", default)]
    pub context: Fields,
    /// When it happened: skew-corrected, clamped when in the future.
    pub occurred_at: Timestamp,
    /// When we received it.
    pub received_at: Timestamp,
    /// By which road.
    pub source: Source,
    /// Fields of the item that the protocol does not name, as sent: nothing is lost.
    #[serde(skip_serializing_if = "Fields::is_none", default)]
    pub other: Fields,
}

/// The two times of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// What schedules, windows, limits and lot dates go by.
    pub occurred_at: Timestamp,
    /// When we decide; monotone in its stream.
    pub decided_at: Timestamp,
}

impl Times {
    /// Both times, in whole microseconds as records keep them.
    pub fn new(occurred_at: Timestamp, decided_at: Timestamp) -> Self {
        Self { occurred_at: floor(occurred_at), decided_at: floor(decided_at) }
    }

    /// The same, in whole microseconds.
    #[must_use]
    pub fn whole(self) -> Self {
        Self::new(self.occurred_at, self.decided_at)
    }
}

/// An input to one profile. Every variant becomes one record of its stream.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message, with the identities that become this profile's by it ([`crate::Resolution::claims`]): what
    /// the directory knew is part of the input, because the profile alone does not tell.
    Message(Arc<Message>, Vec<Identity>),
    /// Whatever is due at `occurred_at`: lots that expire or mature, windows that roll, in that order.
    Timer,
    /// The program changed: redefine metrics from history, recompute memberships. Reactors on entering and
    /// leaving are suppressed unless `react` says otherwise.
    Upgrade {
        /// Whether memberships that change set off reactors.
        react: bool,
        /// The profile's messages so far, oldest first, with the events its reactors emitted
        /// ([`crate::replay::history_of`]) and those of the profiles merged into it; only needed when a
        /// metric wants backfill ([`crate::rules::Rules::needs_history`]). Not kept in the record: the
        /// streams have it.
        history: Arc<[Message]>,
    },
    /// Somebody's order.
    Command(Command),
    /// This profile has been merged into another: its wallets move out, its memberships end.
    MergeOut {
        /// Where to.
        into: ProfileId,
    },
    /// Another profile is merged into this one; everything needed is here.
    MergeIn {
        /// Which.
        from: ProfileId,
        /// Its state before it was merged out, whole, brought under the same manifest first.
        state: Box<Profile>,
    },
}

impl Input {
    /// The stable word of its kind, as records carry it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Message(message, _) => message.kind.as_str(),
            Self::Timer => "timer",
            Self::Upgrade { .. } => "upgrade",
            Self::Command(command) => match command.order {
                Order::Credit { .. } => "credit",
                Order::Debit { .. } => "debit",
                Order::Reverse { .. } => "reverse",
                Order::Erase => "erase",
            },
            Self::MergeOut { .. } => "merge_out",
            Self::MergeIn { .. } => "merge_in",
        }
    }
}

/// An order by a person or machine, with who and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Who gave it: id and name of an administrator or key.
    pub actor: String,
    /// Why, as they wrote it.
    pub reason: String,
    /// What.
    pub order: Order,
}

/// What was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Adds points (a lot with the currency's terms).
    Credit {
        /// Which.
        currency: CurrencyKey,
        /// How many of its smallest unit; positive.
        amount: i64,
    },
    /// Takes points.
    Debit {
        /// Which.
        currency: CurrencyKey,
        /// How many; positive.
        amount: i64,
    },
    /// Reverses an earlier posting group of this profile.
    Reverse {
        /// Which.
        group: GroupId,
        /// What it posted, as its record says: a state does not keep groups.
        original: Box<PostingGroup>,
    },
    /// Erases the person: wallets are closed, bodies and views deleted, headers stay.
    Erase,
}
