//! Wallets and lots: proposals and their application.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CurrencyKey, Error, LotId, PostingGroup, Reason, Terms};

/// Points awarded together, with what is left of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// What is left, in the smallest unit; positive.
    pub left: i64,
    /// When it was awarded.
    pub awarded_at: Timestamp,
    /// Pending until then; `None` once spendable.
    pub matures_at: Option<Timestamp>,
    /// Gone from then on.
    pub expires_at: Option<Timestamp>,
}

/// A member's points of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Lots with something left.
    pub lots: BTreeMap<LotId, Lot>,
    /// How far below zero; 0 or more. An award pays it off first.
    pub debt: i64,
    /// For groups that can be reversed: how much of each lot or deduction has been reversed already.
    pub reversed: BTreeMap<LotId, i64>,
}

impl Wallet {
    /// Spendable, minus debt.
    pub fn available(&self) -> i64 {
        unimplemented!()
    }

    /// Not yet spendable.
    pub fn pending(&self) -> i64 {
        unimplemented!()
    }
}

/// What to do when a wallet holds less than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// Refuse with [`Error::Insufficient`].
    Refuse,
    /// Take what is there.
    Part,
}

/// All wallets of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallets(pub BTreeMap<CurrencyKey, Wallet>);

impl Wallets {
    /// Proposes an award: opens lot `lot` (the id of the group to be) after paying off debt.
    pub fn award(
        &self,
        currency: &CurrencyKey,
        terms: &Terms,
        amount: i64,
        at: Timestamp,
        lot: LotId,
        reason: Reason,
    ) -> Result<PostingGroup, Error> {
        unimplemented!()
    }

    /// Proposes a deduction: lots by oldest expiry first (never-expiring last, then by age, then by id).
    /// `None` when there is nothing to take (`Shortfall::Part` on an empty wallet).
    pub fn deduct(
        &self,
        currency: &CurrencyKey,
        terms: &Terms,
        amount: i64,
        at: Timestamp,
        short: Shortfall,
        reason: Reason,
    ) -> Result<Option<PostingGroup>, Error> {
        unimplemented!()
    }

    /// Proposes what matures at or before `at`, one group a lot and time, in time order.
    pub fn mature(&self, at: Timestamp) -> Result<Vec<PostingGroup>, Error> {
        unimplemented!()
    }

    /// Proposes what expires at or before `at`.
    pub fn expire(&self, at: Timestamp) -> Result<Vec<PostingGroup>, Error> {
        unimplemented!()
    }

    /// Proposes the reversal of an earlier group of this profile, citing it.
    pub fn reverse(
        &self,
        original: &PostingGroup,
        id: crate::GroupId,
        terms: &Terms,
        at: Timestamp,
    ) -> Result<PostingGroup, Error> {
        unimplemented!()
    }

    /// Proposes to move everything out (merge, erase): one group a currency.
    pub fn close(&self, at: Timestamp, reason: Reason) -> Result<Vec<PostingGroup>, Error> {
        unimplemented!()
    }

    /// Proposes to take in another profile's wallets, lots keeping their ids.
    pub fn take_in(&self, other: &Wallets, at: Timestamp) -> Result<Vec<PostingGroup>, Error> {
        unimplemented!()
    }

    /// Applies a group. The only thing that changes wallets. Refuses what does not sum to zero or fit.
    pub fn apply(&mut self, group: &PostingGroup, id: crate::GroupId) -> Result<(), Error> {
        unimplemented!()
    }

    /// The earliest time at which something matures or expires.
    pub fn due_at(&self) -> Option<Timestamp> {
        unimplemented!()
    }
}
