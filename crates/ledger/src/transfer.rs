//! Whole wallets on the move: out of a profile that is merged or erased, into the one it lives on in.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    Account, Error, LotId, PostingGroup, Reason, Wallets,
    draft::Draft,
    wallet::{Lot, spending_order},
};

impl Wallets {
    /// Proposes to move everything out, so that no wallet is left: one group for each wallet, without
    /// postings where it holds nothing. `reason` is `MergeOut` (to the clearing account, where
    /// [`Self::take_in`] fetches it) or `Erase` (to the adjusted account: what an erased member held is
    /// gone).
    pub fn close(&self, at: Timestamp, reason: Reason) -> Result<Vec<PostingGroup>, Error> {
        let sink = match reason {
            Reason::MergeOut => Account::Clearing,
            Reason::Erase => Account::Adjusted,
            other => return Err(Error::Unbalanced(format!("wallets are not closed as `{other}`"))),
        };
        let mut groups = Vec::new();
        for (currency, wallet) in &self.0 {
            let mut draft = Draft::new(wallet, currency, reason, at);
            // Debt first: the balance then never leaves the range on the way to zero.
            draft.debt(wallet.debt)?;
            for (id, lot) in &wallet.lots {
                draft.lot(*id, lot.times(), -lot.left)?;
            }
            groups.push(draft.against(sink)?);
        }
        Ok(groups)
    }

    /// Proposes to take in another profile's wallets, as they were before they were closed. Lots keep their
    /// ids and times, debt moves too and is paid off out of whatever can be spent on either side, and what
    /// had been reversed there cannot be reversed here again.
    pub fn take_in(&self, other: &Wallets, at: Timestamp) -> Result<Vec<PostingGroup>, Error> {
        let mut groups = Vec::new();
        for (currency, theirs) in &other.0 {
            let ours = self.wallet(currency);
            let mut draft = Draft::new(ours, currency, Reason::MergeIn, at);
            draft.carry_reversed(theirs.reversed.iter().map(|(id, amount)| (*id, *amount)));
            let mut lots: BTreeMap<LotId, Lot> = ours.lots.clone();
            for (id, lot) in &theirs.lots {
                if lots.insert(*id, *lot).is_some() {
                    return Err(Error::Unbalanced(format!("lot {id} is in both wallets")));
                }
                draft.lot(*id, lot.times(), lot.left)?;
            }
            draft.debt(-theirs.debt)?;
            let net = draft.net()?;
            let mut spendable: Vec<_> = lots.into_iter().filter(|(_, lot)| lot.is_spendable(at)).collect();
            spendable.sort_unstable_by_key(|(id, lot)| spending_order(*id, lot));
            for (id, lot) in spendable {
                draft.settle(id, lot.times(), lot.left)?;
            }
            debug_assert_eq!(draft.net().ok(), Some(net), "paying off debt changes no balance");
            if !draft.is_empty() {
                groups.push(draft.against(Account::Clearing)?);
            }
        }
        Ok(groups)
    }
}
