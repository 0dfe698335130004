//! A group in the making: keeps the balances after each posting, and balances the whole at the end.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    Account, CurrencyKey, Error, GroupId, LotId, LotTimes, Posting, PostingGroup, Reason, micros,
    wallet::Wallet,
};

/// A group in the making.
pub(crate) struct Draft {
    group: PostingGroup,
    named: BTreeSet<LotId>,
    available: i64,
    pending: i64,
    /// Debt left after the postings so far.
    pub(crate) debt: i64,
}

impl Draft {
    pub(crate) fn new(wallet: &Wallet, currency: &CurrencyKey, reason: Reason, at: Timestamp) -> Self {
        let group = PostingGroup {
            currency: currency.clone(),
            reason,
            at: micros::floor(at),
            reactor: None,
            cites: None,
            lots: Vec::new(),
            reversed: Vec::new(),
            postings: Vec::new(),
        };
        Self {
            group,
            named: BTreeSet::new(),
            available: wallet.available(),
            pending: wallet.pending(),
            debt: wallet.debt,
        }
    }

    pub(crate) fn cites(&mut self, original: GroupId) {
        self.group.cites = Some(original);
    }

    pub(crate) fn carry_reversed(&mut self, reversed: impl IntoIterator<Item = (GroupId, i64)>) {
        self.group.reversed.extend(reversed);
    }

    /// Posts to the account that the lot's times put it in: pending, or available.
    pub(crate) fn lot(&mut self, id: LotId, times: LotTimes, amount: i64) -> Result<(), Error> {
        let account = if times.matures_at.is_some() { Account::Pending } else { Account::Available };
        if amount != 0 && self.named.insert(id) {
            self.group.lots.push(times);
        }
        self.post(account, amount, Some(id))
    }

    /// A pending lot becomes spendable: by itself, or in another that it joins.
    pub(crate) fn mature(
        &mut self,
        (from, pending): (LotId, LotTimes),
        (into, times): (LotId, LotTimes),
        amount: i64,
    ) -> Result<(), Error> {
        self.lot(from, pending, -amount)?;
        self.lot(into, LotTimes { matures_at: None, ..times }, amount)
    }

    /// Pays off debt (positive) or makes it (negative).
    pub(crate) fn debt(&mut self, amount: i64) -> Result<(), Error> {
        self.debt = self
            .debt
            .checked_sub(amount)
            .ok_or_else(|| Error::Amount(format!("a debt of {} − {amount}", self.debt)))?;
        self.post(Account::Available, amount, None)
    }

    /// Pays off debt out of a spendable lot, with at most `left` of it. Points and debt of one wallet
    /// never stand side by side.
    pub(crate) fn settle(&mut self, id: LotId, times: LotTimes, left: i64) -> Result<(), Error> {
        let paid = left.min(self.debt);
        if paid > 0 {
            let times = LotTimes { matures_at: None, ..times };
            self.lot(id, times, -paid)?;
            self.debt(paid)?;
        }
        Ok(())
    }

    fn post(&mut self, account: Account, amount: i64, lot: Option<LotId>) -> Result<(), Error> {
        if amount == 0 {
            return Ok(());
        }
        let balance = if account == Account::Pending { &mut self.pending } else { &mut self.available };
        *balance = checked(*balance, amount)?;
        self.group.postings.push(Posting { account, amount, lot, balance: Some(*balance) });
        Ok(())
    }

    /// What the postings so far add up to.
    pub(crate) fn net(&self) -> Result<i64, Error> {
        self.group.postings.iter().try_fold(0, |sum, posting| checked(sum, posting.amount))
    }

    /// The group, balanced by a posting on an account of the environment.
    pub(crate) fn against(mut self, account: Account) -> Result<PostingGroup, Error> {
        let net = self.net()?;
        if net != 0 {
            let amount = net.checked_neg().ok_or_else(|| Error::Amount(net.to_string()))?;
            self.group.postings.push(Posting { account, amount, lot: None, balance: None });
        }
        Ok(self.group)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.group.postings.is_empty() && self.group.reversed.is_empty()
    }
}

/// A sum, inside of `i64` or refused.
pub(crate) fn checked(a: i64, b: i64) -> Result<i64, Error> {
    a.checked_add(b).ok_or_else(|| Error::Amount((i128::from(a) + i128::from(b)).to_string()))
}
