//! What time does by itself: pending points mature, lots expire.

use jiff::Timestamp;

use crate::{Account, CurrencyKey, Error, LotId, PostingGroup, Reason, Wallets, draft::Draft, wallet::Lot};

impl Wallets {
    /// Proposes what matures at or before `at`, one group a lot, in time order, each as of the moment it
    /// was due. They are to be applied in this order. A lot that ends no later than it would mature never
    /// does.
    pub fn mature(&self, at: Timestamp) -> Result<Vec<PostingGroup>, Error> {
        self.run(at, &[Turn::Matures])
    }

    /// Proposes what expires at or before `at`, pending or not, likewise.
    pub fn expire(&self, at: Timestamp) -> Result<Vec<PostingGroup>, Error> {
        self.run(at, &[Turn::Expires])
    }

    /// Proposes both together in time order; at the same instant, what expires goes first.
    pub fn due(&self, at: Timestamp) -> Result<Vec<PostingGroup>, Error> {
        self.run(at, &[Turn::Expires, Turn::Matures])
    }

    fn run(&self, at: Timestamp, turns: &[Turn]) -> Result<Vec<PostingGroup>, Error> {
        let mut due: Vec<(Timestamp, Turn, &CurrencyKey, LotId)> = Vec::new();
        for (currency, wallet) in &self.0 {
            for (id, lot) in &wallet.lots {
                for turn in turns {
                    due.extend(
                        turn.when(lot).filter(|when| *when <= at).map(|when| (when, *turn, currency, *id)),
                    );
                }
            }
        }
        if due.is_empty() {
            return Ok(Vec::new());
        }
        due.sort_unstable();
        let mut wallets = self.clone();
        let mut groups = Vec::with_capacity(due.len());
        for (when, turn, currency, id) in due {
            let wallet = wallets.wallet(currency);
            // Maturing may have spent it whole on debt.
            let Some(lot) = wallet.lots.get(&id) else { continue };
            let mut draft = Draft::new(wallet, currency, turn.reason(), when);
            let group = match turn {
                Turn::Expires => {
                    draft.lot(id, lot.times(), -lot.left)?;
                    draft.against(Account::Expired)?
                }
                Turn::Matures => {
                    let into = wallet.joined(lot.expires_at).unwrap_or((id, lot.times()));
                    draft.mature((id, lot.times()), into, lot.left)?;
                    draft.settle(into.0, into.1, lot.left)?;
                    draft.against(Account::Clearing)?
                }
            };
            wallets.post(&group)?;
            groups.push(group);
        }
        Ok(groups)
    }
}

/// What may befall a lot. The order is the one at equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Expires,
    Matures,
}

impl Turn {
    fn when(self, lot: &Lot) -> Option<Timestamp> {
        match self {
            Self::Expires => lot.expires_at,
            Self::Matures => lot.matures_at.filter(|matures| lot.expires_at.is_none_or(|end| end > *matures)),
        }
    }

    const fn reason(self) -> Reason {
        match self {
            Self::Expires => Reason::Expire,
            Self::Matures => Reason::Mature,
        }
    }
}
