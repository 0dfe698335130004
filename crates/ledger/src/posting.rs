//! What is written down: accounts, postings, groups.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CurrencyKey, GroupId, LotId, micros};

/// The accounts of double entry. The first three belong to a profile and never go without a balance
/// after; the rest belong to the environment and are plain sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Points the member can spend.
    Available,
    /// Awarded, not yet spendable.
    Pending,
    /// Reserved for a redemption in flight. (No operation uses it yet.)
    Held,
    /// Where awarded points come from (its sum is negative).
    Issued,
    /// Where spent points go.
    Redeemed,
    /// Where points go that were not spent in time.
    Expired,
    /// The other side of corrections made by hand.
    Adjusted,
    /// Between two wallets: each stream's legs balance through it; over the environment it sums to zero.
    Clearing,
}

impl Account {
    /// Whether the account belongs to a profile (and its postings carry a balance after).
    pub const fn of_profile(self) -> bool {
        matches!(self, Self::Available | Self::Pending | Self::Held)
    }
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account it changes.
    pub account: Account,
    /// By how much, in the currency's smallest unit; never zero.
    pub amount: i64,
    /// The lot it opens, takes from or gives back to. `None` on environment accounts and for debt.
    pub lot: Option<LotId>,
    /// The profile account's balance after this posting; `None` on environment accounts.
    pub balance: Option<i64>,
}

impl Posting {
    /// Whether it makes or pays off debt.
    pub const fn of_debt(&self) -> bool {
        matches!(self.account, Account::Available) && self.lot.is_none()
    }
}

/// Why a group was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A reactor awarded points.
    Award,
    /// A reactor took points.
    Deduct,
    /// Pending points became spendable.
    Mature,
    /// A lot's time ran out.
    Expire,
    /// Somebody added or took points by hand.
    Adjust,
    /// An earlier group was reversed.
    Reverse,
    /// A wallet moved out of a profile that was merged into another.
    MergeOut,
    /// A wallet arrived from a profile that was merged into this one.
    MergeIn,
    /// The member was erased; what the wallet held is gone.
    Erase,
}

impl Reason {
    /// The stable word, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Award => "award",
            Self::Deduct => "deduct",
            Self::Mature => "mature",
            Self::Expire => "expire",
            Self::Adjust => "adjust",
            Self::Reverse => "reverse",
            Self::MergeOut => "merge_out",
            Self::MergeIn => "merge_in",
            Self::Erase => "erase",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Postings that belong together and sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostingGroup {
    /// The currency of all its postings.
    pub currency: CurrencyKey,
    /// Why it was posted.
    pub reason: Reason,
    /// The time it counts as of.
    #[serde(with = "micros")]
    pub at: Timestamp,
    /// The key of the reactor that asked for it, if one did.
    pub reactor: Option<Arc<str>>,
    /// The group it corrects (a reversal).
    pub cites: Option<GroupId>,
    /// The times of every lot that `postings` name, one entry a lot, in the order in which they first
    /// appear. For a lot the group opens these are its times; for one it takes from, what they were, so
    /// that a reversal can restore it exactly after the wallet has forgotten it.
    pub lots: Vec<LotTimes>,
    /// Only when wallets arrive from another profile: which of that profile's groups had been reversed,
    /// and how much of each, so that nothing can be reversed again here.
    pub reversed: Vec<(GroupId, i64)>,
    /// The lines. They sum to zero.
    pub postings: Vec<Posting>,
}

impl PostingGroup {
    /// The sum on one account.
    pub fn sum(&self, account: Account) -> i64 {
        total(self.postings.iter().filter(|p| p.account == account).map(|p| p.amount))
    }

    /// What the group gave to the member (positive) or took (negative): the sum over the member's own
    /// accounts. Zero when points only changed their account, as when they mature.
    pub fn net(&self) -> i64 {
        total(self.postings.iter().filter(|p| p.account.of_profile()).map(|p| p.amount))
    }

    /// The lots that `postings` name with their times, in the order in which they first appear.
    pub fn named_lots(&self) -> Vec<(LotId, LotTimes)> {
        let mut ids: Vec<LotId> = Vec::with_capacity(self.lots.len());
        let mut seen = std::collections::BTreeSet::new();
        ids.extend(self.postings.iter().filter_map(|p| p.lot).filter(|lot| seen.insert(*lot)));
        ids.into_iter().zip(self.lots.iter().copied()).collect()
    }
}

/// A sum that cannot overflow. (That of a group that fits its wallet is always inside of `i64`.)
pub(crate) fn total(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, i64::saturating_add)
}

/// When a lot becomes spendable and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotTimes {
    /// When it was first awarded.
    #[serde(with = "micros")]
    pub awarded_at: Timestamp,
    /// Spendable from here on; `None` if it is already.
    #[serde(with = "micros::option")]
    pub matures_at: Option<Timestamp>,
    /// Gone from here on; `None` if never.
    #[serde(with = "micros::option")]
    pub expires_at: Option<Timestamp>,
}
