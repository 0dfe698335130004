//! Deductions: lots by oldest expiry first, and never more than there is unless the currency allows it.

use jiff::Timestamp;

use crate::{
    Account, CurrencyKey, Error, PostingGroup, Reason, Shortfall, Terms, Wallets, award::positive,
    draft::Draft, wallet::Wallet,
};

impl Wallets {
    /// Proposes a deduction: lots by oldest expiry first (never-expiring last, then by age, then by id).
    /// What the wallet does not hold becomes debt if the currency goes below zero; otherwise `short` says.
    /// Pending and expired points cannot be spent. `reason` is `Deduct` or `Adjust`.
    ///
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
        let sink = match reason {
            Reason::Deduct => Account::Redeemed,
            Reason::Adjust => Account::Adjusted,
            other => return Err(Error::Unbalanced(format!("points are not taken as `{other}`"))),
        };
        positive(amount)?;
        let wallet = self.wallet(currency);
        let there = usable(wallet, at);
        let amount = match (there < amount && !terms.allow_negative, short) {
            (false, _) => amount,
            (true, Shortfall::Part) => there.max(0),
            (true, Shortfall::Refuse) => {
                return Err(Error::Insufficient {
                    currency: currency.clone(),
                    available: there,
                    asked: amount,
                });
            }
        };
        let mut draft = Draft::new(wallet, currency, reason, at);
        let rest = take(&mut draft, wallet, amount, at)?;
        draft.debt(-rest)?;
        if draft.is_empty() { Ok(None) } else { draft.against(sink).map(Some) }
    }
}

/// What can be spent at `at`; below zero when there is debt.
pub(crate) fn usable(wallet: &Wallet, at: Timestamp) -> i64 {
    let lots = wallet.lots.values().filter(|lot| lot.is_spendable(at));
    let sum = lots.map(|lot| i128::from(lot.left)).sum::<i128>() - i128::from(wallet.debt);
    i64::try_from(sum).unwrap_or(i64::MAX)
}

/// Takes up to `amount` out of the lots that can be spent, in order. Returns what they did not cover.
pub(crate) fn take(draft: &mut Draft, wallet: &Wallet, amount: i64, at: Timestamp) -> Result<i64, Error> {
    let mut rest = amount;
    for (id, lot) in wallet.spendable(at) {
        if rest == 0 {
            break;
        }
        let taken = lot.left.min(rest);
        draft.lot(id, lot.times(), -taken)?;
        rest -= taken;
    }
    Ok(rest)
}
