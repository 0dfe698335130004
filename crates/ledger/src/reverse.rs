//! Reversals: a new group that undoes what is left to undo of an earlier one, and cites it.

use jiff::Timestamp;

use crate::{
    Error, GroupId, LotTimes, PostingGroup, Reason, Terms, Wallets,
    deduct::{take, usable},
    draft::Draft,
    posting::total,
    wallet::Wallet,
};

impl Wallets {
    /// Proposes the reversal of `original`, the group recorded as `id`: an award, a deduction, or an
    /// adjustment, of this profile or of one merged into it.
    ///
    /// *An award* is taken back from its very lot first, or from the one it joined. What had been spent of it is taken from the other
    /// lots as a deduction would (or what the wallet holds, when the currency does not go below zero; what
    /// is missing becomes debt when it does). Points that ran out unspent are nobody's, so after the lot's
    /// expiry only what is still in it is taken back. [`Self::not_reversed`], once this is applied,
    /// tells what could not be taken back; reversing again later takes that.
    ///
    /// *A deduction* is given back whole: to the exact lots with their times (one that has ended meanwhile
    /// expires when due work is next looked at), and to debt; debt that was paid off since comes back as a lot
    /// named by the deduction with fresh times.
    ///
    /// Errors: [`Error::AlreadyReversed`] when nothing is left to undo or to take,
    /// [`Error::NotReversible`] for other reasons.
    pub fn reverse(
        &self,
        original: &PostingGroup,
        id: GroupId,
        terms: &Terms,
        at: Timestamp,
    ) -> Result<PostingGroup, Error> {
        if !matches!(original.reason, Reason::Award | Reason::Deduct | Reason::Adjust) {
            return Err(Error::NotReversible(id, original.reason));
        }
        let open = self.not_reversed(original, id);
        let Some(outside) = original.postings.iter().find(|posting| !posting.account.of_profile()) else {
            return Err(Error::AlreadyReversed(id));
        };
        let wallet = self.wallet(&original.currency);
        let mut draft = Draft::new(wallet, &original.currency, Reason::Reverse, at);
        draft.cites(id);
        if open > 0 && original.net() > 0 {
            take_back(&mut draft, wallet, original, open, terms, at)?;
        } else if open > 0 {
            give_back(&mut draft, wallet, original, id, terms, at)?;
        }
        if draft.is_empty() { Err(Error::AlreadyReversed(id)) } else { draft.against(outside.account) }
    }

    /// How much of `original`, the group recorded as `id`, has not been reversed.
    pub fn not_reversed(&self, original: &PostingGroup, id: GroupId) -> i64 {
        let done = self.wallet(&original.currency).reversed.get(&id).copied().unwrap_or(0);
        original.net().saturating_abs().saturating_sub(done).max(0)
    }
}

/// Takes back up to `open` of an award.
fn take_back(
    draft: &mut Draft,
    wallet: &Wallet,
    original: &PostingGroup,
    open: i64,
    terms: &Terms,
    at: Timestamp,
) -> Result<(), Error> {
    let mut rest = open;
    let mut others = wallet.clone();
    let mut ended = false;
    for (id, times) in original.named_lots() {
        let over = times.expires_at.is_some_and(|end| end <= at);
        ended |= over;
        // Its own lot, or the one its points joined when they matured.
        let joined = if over { None } else { others.joined(times.expires_at).map(|(joined, _)| joined) };
        for lot in [Some(id), joined].into_iter().flatten() {
            let Some(found) = others.lots.remove(&lot) else { continue };
            let taken = found.left.min(rest);
            draft.lot(lot, found.times(), -taken)?;
            rest -= taken;
        }
    }
    if ended {
        // Of what is missing, only what had paid off debt is known not to have run out.
        let paid = total(original.postings.iter().filter(|p| p.of_debt()).map(|p| p.amount));
        rest = rest.min((paid - (original.net() - open)).max(0));
    }
    let covered = if terms.allow_negative { rest } else { rest.min(usable(&others, at).max(0)) };
    let owed = take(draft, &others, covered, at)?;
    draft.debt(-owed)
}

/// Gives back a deduction.
fn give_back(
    draft: &mut Draft,
    wallet: &Wallet,
    original: &PostingGroup,
    id: GroupId,
    terms: &Terms,
    at: Timestamp,
) -> Result<(), Error> {
    let overdrawn = -total(original.postings.iter().filter(|p| p.of_debt()).map(|p| p.amount));
    let owed = overdrawn.min(wallet.debt);
    draft.debt(owed)?;
    for (lot, times) in original.named_lots() {
        let amount = -total(original.postings.iter().filter(|p| p.lot == Some(lot)).map(|p| p.amount));
        give(draft, lot, times, amount, at)?;
    }
    if overdrawn > owed {
        let times = LotTimes { matures_at: None, ..terms.times(at)? };
        give(draft, id, times, overdrawn - owed, at)?;
    }
    Ok(())
}

/// Puts points into a lot, and out of it again as far as there is debt to pay.
fn give(draft: &mut Draft, lot: GroupId, times: LotTimes, amount: i64, at: Timestamp) -> Result<(), Error> {
    draft.lot(lot, times, amount)?;
    if times.expires_at.is_none_or(|end| end > at) {
        draft.settle(lot, times, amount)?;
    }
    Ok(())
}
