//! Trigger, condition, actions.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::currency::Rounding;
use crate::{Key, expression::Expression};

/// `reactor/KEY`.
#[derive(Clone, Debug)]
pub struct Reactor {
    /// What sets it off.
    pub trigger: Trigger,
    /// Only then.
    pub condition: Option<Expression>,
    /// Active from here (by `occurred_at`), inclusive.
    pub from: Option<Timestamp>,
    /// Active until here, exclusive.
    pub until: Option<Timestamp>,
    /// Higher goes first; equal priorities go by key. 0 by default.
    pub priority: i32,
    /// How often, per member.
    pub limits: Vec<Limit>,
    /// What all members together may get from it.
    pub budget: Option<Budget>,
    /// Done in order.
    pub actions: Vec<Action>,
    /// For people.
    pub description: Option<String>,
}

/// What sets a reactor off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An event of this type.
    Event(Key),
    /// A profile entered the audience.
    AudienceEntered(Key),
    /// A profile left the audience.
    AudienceLeft(Key),
}

/// The span a limit counts in. Days, weeks (from Monday), months and years are of the settings' zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitWindow {
    /// For ever.
    Lifetime,
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// At most `count` firings per member and window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How often; 1 or more.
    pub count: u32,
    /// In which span.
    pub window: LimitWindow,
}

/// A points budget shared by all members, counted over the reactor's life; it survives edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Of which currency.
    pub currency: Key,
    /// How many of its smallest units.
    pub amount: i64,
    /// What happens to an award the rest does not cover.
    pub when_short: WhenShort,
}

/// What to do when there is less than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenShort {
    /// Give what is left.
    Part,
    /// Give nothing. The default.
    Nothing,
}

/// How many points.
#[derive(Clone, Debug)]
pub enum Amount {
    /// Exact: the number at `of` (a path below `properties`), times `rate`, rounded. Zero awards nothing.
    Of {
        /// Path below `properties`.
        of: Vec<String>,
        /// Times this.
        rate: Decimal,
        /// Then rounded; by default as the currency says.
        rounding: Option<Rounding>,
    },
    /// An expression that gives an int of smallest units.
    Expression(Expression),
}

/// A value that an action fills in: an expression of any type.
pub type Field = (Arc<str>, Expression);

/// What a reactor does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Adds a lot to the member's wallet.
    Award {
        /// Which.
        currency: Key,
        /// How many.
        amount: Amount,
    },
    /// Takes points from the member's wallet.
    Deduct {
        /// Which.
        currency: Key,
        /// How many.
        amount: Amount,
        /// When the wallet holds less (and the currency does not go below zero).
        when_short: WhenShort,
    },
    /// Sets a declared trait.
    SetTrait {
        /// Which.
        key: Key,
        /// To what.
        value: Expression,
    },
    /// Emits an event of a declared type about the same member; at most 8 deep.
    EmitEvent {
        /// Of which type.
        event: Key,
        /// Its properties.
        properties: Vec<Field>,
    },
    /// Puts a call into the outbox.
    CallWebhook {
        /// `https://…`
        url: String,
        /// The secret that signs it, if any.
        secret: Option<Key>,
        /// The call's data.
        data: Vec<Field>,
    },
    /// Puts a message into the outbox.
    SendMessage {
        /// A name for the template, free for now.
        template: String,
        /// `email`, `sms` or `push`.
        channel: String,
        /// What the template may show.
        data: Vec<Field>,
    },
}
