//! Applying a recorded group: the only thing that changes wallets.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::{
    Account, Error, GroupId, LotId, LotTimes, Posting, PostingGroup, Reason, Wallets,
    draft::checked,
    wallet::{Lot, Wallet},
};

impl Wallets {
    /// Applies the group recorded as `id`. The only thing that changes wallets. Needs no terms or rules:
    /// all it does is written in the group. Refuses what does not sum to zero or does not fit, and then has
    /// changed nothing.
    pub fn apply(&mut self, group: &PostingGroup, id: GroupId) -> Result<(), Error> {
        self.post(group).map_err(|error| match error {
            Error::Unbalanced(fault) => Error::Unbalanced(format!("{id} ({}): {fault}", group.reason)),
            other => other,
        })
    }

    pub(crate) fn post(&mut self, group: &PostingGroup) -> Result<(), Error> {
        let change = Change::of(self.wallet(&group.currency), group)?;
        if matches!(group.reason, Reason::MergeOut | Reason::Erase) {
            if !change.empties(self.wallet(&group.currency)) {
                return Err(unfit("it closes a wallet and leaves something in it"));
            }
            self.0.remove(&group.currency);
        } else {
            change.write(self.0.entry(group.currency.clone()).or_default(), group);
        }
        Ok(())
    }
}

/// What a group does to a wallet, worked out and found to fit.
struct Change {
    lots: BTreeMap<LotId, Lot>,
    debt: i64,
    /// Of the cited group, including what had been reversed before.
    reversed: Option<(GroupId, i64)>,
}

impl Change {
    fn of(wallet: &Wallet, group: &PostingGroup) -> Result<Self, Error> {
        let mut change = Self { lots: BTreeMap::new(), debt: wallet.debt, reversed: None };
        let (mut available, mut pending) = (wallet.available(), wallet.pending());
        let mut times = group.lots.iter();
        let mut sum = 0_i128;
        for posting in &group.postings {
            if posting.amount == 0 {
                return Err(unfit("a posting of nothing"));
            }
            sum += i128::from(posting.amount);
            let balance = match posting.account {
                Account::Available => &mut available,
                Account::Pending => &mut pending,
                Account::Held => return Err(unfit("no operation holds points")),
                _ if posting.lot.is_some() || posting.balance.is_some() => {
                    return Err(unfit("an environment account with a lot or a balance"));
                }
                _ => continue,
            };
            *balance = checked(*balance, posting.amount)?;
            if posting.balance != Some(*balance) {
                return Err(Error::Unbalanced(format!(
                    "the balance after a posting is {balance}, it says {:?}",
                    posting.balance
                )));
            }
            match posting.lot {
                Some(id) => change.touch(wallet, id, &mut times)?.add(posting, id)?,
                None if posting.of_debt() => change.owe(posting.amount)?,
                None => return Err(unfit("pending points without a lot")),
            }
        }
        if sum != 0 {
            return Err(Error::Unbalanced(format!("it sums to {sum}, not zero")));
        }
        if times.next().is_some() {
            return Err(unfit("times of a lot that no posting names"));
        }
        if let (Reason::Reverse, Some(original)) = (group.reason, group.cites) {
            let before = wallet.reversed.get(&original).copied().unwrap_or(0);
            change.reversed = Some((original, checked(before, group.net().saturating_abs())?));
        }
        Ok(change)
    }

    /// Pays off debt (positive) or makes it (negative).
    fn owe(&mut self, amount: i64) -> Result<(), Error> {
        let debt = self.debt.checked_sub(amount).filter(|debt| *debt >= 0);
        self.debt =
            debt.ok_or_else(|| Error::Unbalanced(format!("{amount} to pay off a debt of {}", self.debt)))?;
        Ok(())
    }

    /// The lot as it stands in this group: as in the wallet, or opened with the times the group brings.
    fn touch<'a>(
        &mut self,
        wallet: &Wallet,
        id: LotId,
        times: &mut impl Iterator<Item = &'a LotTimes>,
    ) -> Result<&mut Lot, Error> {
        match self.lots.entry(id) {
            Entry::Occupied(touched) => Ok(touched.into_mut()),
            Entry::Vacant(untouched) => {
                let times =
                    *times.next().ok_or_else(|| Error::Unbalanced(format!("no times for lot {id}")))?;
                let LotTimes { awarded_at, matures_at, expires_at } = times;
                let opened = Lot { left: 0, awarded_at, matures_at, expires_at };
                let lot = wallet.lots.get(&id).copied().unwrap_or(opened);
                if lot.times() != times {
                    return Err(Error::Unbalanced(format!("lot {id} has other times in the wallet")));
                }
                Ok(untouched.insert(lot))
            }
        }
    }

    /// Whether nothing is left of the wallet.
    fn empties(&self, wallet: &Wallet) -> bool {
        self.debt == 0
            && wallet.lots.keys().all(|id| self.lots.contains_key(id))
            && self.lots.values().all(|lot| lot.left == 0)
    }

    fn write(self, wallet: &mut Wallet, group: &PostingGroup) {
        wallet.debt = self.debt;
        for (id, lot) in self.lots {
            if lot.left == 0 {
                wallet.lots.remove(&id);
            } else {
                wallet.lots.insert(id, lot);
            }
        }
        wallet.reversed.extend(self.reversed);
        wallet.reversed.extend(group.reversed.iter().copied());
    }
}

impl Lot {
    /// Posts to it. A pending lot that has been emptied becomes spendable by the first available points
    /// put into it: that is how points mature.
    fn add(&mut self, posting: &Posting, id: LotId) -> Result<(), Error> {
        let pending = posting.account == Account::Pending;
        if !pending && self.left == 0 {
            self.matures_at = None;
        }
        if pending != self.matures_at.is_some() {
            return Err(Error::Unbalanced(format!("lot {id} is not {:?}", posting.account)));
        }
        self.left = self.left.checked_add(posting.amount).filter(|left| *left >= 0).ok_or_else(|| {
            Error::Unbalanced(format!("{} out of lot {id}, which holds {}", posting.amount, self.left))
        })?;
        Ok(())
    }
}

fn unfit(fault: &str) -> Error {
    Error::Unbalanced(fault.to_owned())
}
