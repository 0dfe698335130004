//! Orders: credit, debit, reverse, erase.

use ledger::{CurrencyKey, Reason, Shortfall, Terms};

use super::{
    words,
    work::{Stop, Work, ledger_fault},
};
use crate::{Effect, Fault, input::Order};

impl Work<'_> {
    pub(super) fn command(&mut self, order: &Order) -> Result<(), Stop> {
        let at = self.times.occurred_at;
        let wallets = &self.profile.wallets;
        let group = match order {
            Order::Credit { currency, amount } => {
                let lot = self.next_group()?;
                Some(wallets.award(currency, self.terms(currency)?, *amount, at, lot, Reason::Adjust))
            }
            Order::Debit { currency, amount } => wallets
                .deduct(currency, self.terms(currency)?, *amount, at, Shortfall::Refuse, Reason::Adjust)
                .transpose(),
            Order::Reverse { group, original } => {
                Some(wallets.reverse(original, *group, self.terms(&original.currency)?, at))
            }
            Order::Erase => None,
        };
        if let Some(group) = group {
            self.post(group.map_err(|error| self.refused(error))?)?;
        }
        Ok(())
    }

    /// The ledger's refusal of an order, as who ordered it reads it.
    fn refused(&self, error: ledger::Error) -> Fault {
        let ledger::Error::Insufficient { currency, available, asked } = &error else {
            return ledger_fault(error);
        };
        let what = format!(
            "the wallet holds {}, {} were asked for",
            words::amount(self.rules, &currency.0, *available),
            words::number(self.rules, &currency.0, *asked)
        );
        Fault { what, ..ledger_fault(error) }
    }

    /// Closes the wallets and forgets the person. Also for a profile that was merged into another (nothing
    /// is left in it, but its standing says whom it became).
    pub(super) fn erase(&mut self) -> Result<(), Stop> {
        for group in
            self.profile.wallets.close(self.times.occurred_at, Reason::Erase).map_err(ledger_fault)?
        {
            self.post(group)?;
        }
        self.effect(Effect::Erased)
    }

    pub(super) fn terms(&self, currency: &CurrencyKey) -> Result<&Terms, Stop> {
        let rules = self.rules;
        rules.index.terms.get(&*currency.0).ok_or_else(|| {
            let known: Vec<&str> = rules.program.currencies.keys().map(program::Key::as_str).collect();
            let what = format!("the program has no such currency (it has: {})", known.join(", "));
            Fault::new("unknown_currency", format!("currency/{currency}"), what).into()
        })
    }
}
