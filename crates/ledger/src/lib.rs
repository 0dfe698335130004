//! The points ledger: double entry, wallets, lots, and what must always hold.
//!
//! Pure: no clock, no random source, no I/O, no floating point. Every operation comes in two halves.
//! A *proposal* ([`Wallets::award`], `deduct`, `mature`, `expire`, `reverse`, `close`, `take_in`) reads the
//! wallets and returns a [`PostingGroup`]; [`Wallets::apply`] is the only thing that changes them. So a
//! recorded group can be applied again later without the rules that made it.
//!
//! Times are kept to the microsecond: a finer time given to a proposal is cut off, so that what is
//! recorded reads back equal.
//!
//! Source of the rules: double-entry bookkeeping; a group's postings sum to zero, no posting is ever
//! changed, a correction is a new group that cites what it corrects.
#![deny(clippy::float_arithmetic)]

mod apply;
mod award;
mod by_profile;
mod deduct;
mod draft;
mod due;
mod id;
pub mod micros;
mod points;
mod posting;
mod reverse;
mod terms;
mod transfer;
mod wallet;

pub use id::{CurrencyKey, GroupId, LotId, ProfileId};
pub use points::{Rounding, points_for};
pub use posting::{Account, LotTimes, Posting, PostingGroup, Reason};
pub use terms::{Expiry, ExpiryEnd, Terms};
pub use wallet::{Lot, Shortfall, Wallet, Wallets};

/// Why a proposal could not be made. Nothing has changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The wallet holds less than asked for and the currency does not go below zero.
    #[error("the wallet holds {available} {currency}, {asked} were asked for")]
    Insufficient {
        /// The currency concerned.
        currency: CurrencyKey,
        /// What is available, in the currency's smallest unit.
        available: i64,
        /// What was asked for.
        asked: i64,
    },
    /// An amount is not positive, or a sum left the range of a signed 64-bit integer.
    #[error("{0} is not an amount this ledger can hold")]
    Amount(String),
    /// A date computed from a currency's terms lies outside the years −9999 to 9999.
    #[error("{0} is not a date this ledger can hold")]
    Date(String),
    /// The group to reverse has been reversed already (wholly, or up to what is left of it).
    #[error("posting group {0} has nothing left to reverse")]
    AlreadyReversed(GroupId),
    /// Only awards, deductions and adjustments can be reversed.
    #[error("posting group {0} is of reason `{1}`; only `award`, `deduct` and `adjust` can be reversed")]
    NotReversible(GroupId, Reason),
    /// A group whose postings do not sum to zero, or that does not fit the wallet it is applied to.
    #[error("posting group does not fit: {0}")]
    Unbalanced(String),
}
