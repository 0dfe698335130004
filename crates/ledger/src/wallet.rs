//! Wallets and lots: what a member holds, and how it is read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CurrencyKey, GroupId, LotId, LotTimes, by_profile, micros};

/// Points awarded together, with what is left of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// What is left, in the smallest unit; positive.
    pub left: i64,
    /// When it was awarded.
    #[serde(with = "micros")]
    pub awarded_at: Timestamp,
    /// Pending until then; `None` once spendable.
    #[serde(with = "micros::option")]
    pub matures_at: Option<Timestamp>,
    /// Gone from then on.
    #[serde(with = "micros::option")]
    pub expires_at: Option<Timestamp>,
}

impl Lot {
    /// Its times.
    pub const fn times(&self) -> LotTimes {
        LotTimes { awarded_at: self.awarded_at, matures_at: self.matures_at, expires_at: self.expires_at }
    }

    /// Whether its points can be spent at `at`: matured, and not expired (even where the posting that
    /// takes expired points away has not been made yet).
    pub fn is_spendable(&self, at: Timestamp) -> bool {
        self.matures_at.is_none() && self.expires_at.is_none_or(|end| end > at)
    }
}

/// A member's points of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Lots with something left.
    #[serde(with = "by_profile")]
    pub lots: BTreeMap<LotId, Lot>,
    /// How far below zero; 0 or more. An award pays it off first.
    pub debt: i64,
    /// Groups that have been reversed, and how much of each. Only these have an entry, so that the state
    /// stays small; without it a refund could be made twice.
    #[serde(with = "by_profile")]
    pub reversed: BTreeMap<GroupId, i64>,
}

impl Wallet {
    /// Spendable, minus debt.
    pub fn available(&self) -> i64 {
        let lots = self.lots.values().filter(|lot| lot.matures_at.is_none());
        narrow(lots.map(|lot| i128::from(lot.left)).sum::<i128>() - i128::from(self.debt))
    }

    /// Not yet spendable.
    pub fn pending(&self) -> i64 {
        let lots = self.lots.values().filter(|lot| lot.matures_at.is_some());
        narrow(lots.map(|lot| i128::from(lot.left)).sum())
    }

    /// Whether nothing is held and nothing owed. Not the same as a balance of zero: what is owed now may be as
    /// much as what becomes spendable later.
    pub fn is_settled(&self) -> bool {
        self.lots.is_empty() && self.debt == 0
    }

    /// The earliest time at which something matures or expires.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.lots.values().flat_map(|lot| [lot.matures_at, lot.expires_at]).flatten().min()
    }

    /// The lot that spendable points with this end join: nothing would tell them apart in one of their own, and
    /// a wallet stays as small as there are ends in it.
    pub(crate) fn joined(&self, expires_at: Option<Timestamp>) -> Option<(LotId, LotTimes)> {
        let mut lots = self.lots.iter().filter(|(_, lot)| lot.matures_at.is_none());
        lots.find(|(_, lot)| lot.expires_at == expires_at).map(|(id, lot)| (*id, lot.times()))
    }

    /// The lots that can be spent at `at` in the order in which they are: oldest expiry first, those that
    /// never expire last, then the oldest award, then by id.
    pub(crate) fn spendable(&self, at: Timestamp) -> Vec<(LotId, Lot)> {
        let mut lots: Vec<(LotId, Lot)> =
            self.lots.iter().filter(|(_, lot)| lot.is_spendable(at)).map(|(id, lot)| (*id, *lot)).collect();
        lots.sort_unstable_by_key(|(id, lot)| spending_order(*id, lot));
        lots
    }
}

/// The order in which lots are spent.
pub(crate) fn spending_order(id: LotId, lot: &Lot) -> (bool, Option<Timestamp>, Timestamp, LotId) {
    (lot.expires_at.is_none(), lot.expires_at, lot.awarded_at, id)
}

/// Applying a group refuses balances outside of `i64`, so this is exact for every wallet made that way.
fn narrow(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

/// What to do when a wallet holds less than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// Refuse with [`crate::Error::Insufficient`].
    Refuse,
    /// Take what is there.
    Part,
}

/// All wallets of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallets(pub BTreeMap<CurrencyKey, Wallet>);

/// What stands in for a wallet that has not been opened yet.
static NONE: Wallet = Wallet { lots: BTreeMap::new(), debt: 0, reversed: BTreeMap::new() };

impl Wallets {
    /// The wallet of a currency; an empty one if nothing was ever posted in it.
    pub fn wallet(&self, currency: &CurrencyKey) -> &Wallet {
        self.0.get(currency).unwrap_or(&NONE)
    }

    /// The earliest time at which something matures or expires.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.0.values().filter_map(Wallet::due_at).min()
    }
}
