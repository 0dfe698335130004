//! Awards: debt is paid off first, the rest opens a lot or joins one that ends at the same time.

use jiff::Timestamp;

use crate::{
    Account, CurrencyKey, Error, LotId, PostingGroup, Reason, Terms, Wallets,
    draft::{Draft, checked},
};

impl Wallets {
    /// Proposes an award: after paying off debt, opens lot `lot` (the id of the group to be), or joins a
    /// spendable one that ends at the same time. Points with a pending period have a lot of their own, and pay
    /// off debt when they mature. `reason` is `Award` or `Adjust`.
    pub fn award(
        &self,
        currency: &CurrencyKey,
        terms: &Terms,
        amount: i64,
        at: Timestamp,
        lot: LotId,
        reason: Reason,
    ) -> Result<PostingGroup, Error> {
        let source = match reason {
            Reason::Award => Account::Issued,
            Reason::Adjust => Account::Adjusted,
            other => return Err(Error::Unbalanced(format!("points are not given out as `{other}`"))),
        };
        positive(amount)?;
        let wallet = self.wallet(currency);
        // So that no later move between its accounts can leave the range either.
        checked(checked(wallet.available(), wallet.pending())?, amount)?;
        let times = terms.times(at)?;
        let mut draft = Draft::new(wallet, currency, reason, at);
        let paid = if times.matures_at.is_some() { 0 } else { wallet.debt.min(amount) };
        draft.debt(paid)?;
        let joined = times.matures_at.is_none().then(|| wallet.joined(times.expires_at)).flatten();
        let (lot, times) = joined.unwrap_or((lot, times));
        draft.lot(lot, times, amount - paid)?;
        draft.against(source)
    }
}

/// An amount that can be given or taken.
pub(crate) fn positive(amount: i64) -> Result<(), Error> {
    if amount > 0 { Ok(()) } else { Err(Error::Amount(amount.to_string())) }
}
