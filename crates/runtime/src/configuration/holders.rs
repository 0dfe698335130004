//! Who holds a currency that would be deleted.
//!
//! Wallets are counted before the head moves, and events go on coming in meanwhile. What was given to somebody in between
//! is seen by the sums, in the very step that moves the head (`Condition::NoBalance`): no wallet can be left behind unless,
//! of a currency that may be owed, one is given exactly what another comes to owe between the two.

use std::collections::{BTreeMap, BTreeSet};

use engine::Profile;
use ledger::CurrencyKey;
use program::{
    Bundle, Key, Kind,
    plan::{Held, Op, Plan},
};
use store::Condition;

use crate::{Environment, Error, Result};

const PAGE: usize = 1_000;

/// The currencies that a plan would delete.
pub(super) fn deleted_currencies(plan: &Plan) -> BTreeSet<Key> {
    let deleted = plan.actions.iter().filter(|action| action.op == Op::Delete);
    let currencies = deleted.filter(|action| action.address.kind == Kind::Currency);
    currencies.map(|action| action.address.key.clone()).collect()
}

/// The currencies that one configuration has and the next one has not.
pub(super) fn missing_currencies(from: &Bundle, to: &Bundle) -> BTreeSet<Key> {
    let gone = from.specs.keys().filter(|address| !to.specs.contains_key(*address));
    gone.filter(|address| address.kind == Kind::Currency).map(|address| address.key.clone()).collect()
}

/// What must hold in the step that deletes these currencies.
pub(super) fn held_by_nobody(currencies: &BTreeSet<Key>) -> impl Iterator<Item = Condition> {
    currencies.iter().map(|key| Condition::NoBalance(key.to_string()))
}

/// Whether the head did not move because somebody came to hold a currency while it was being deleted.
pub(super) fn came_to_hold<T>(moved: &Result<T>) -> bool {
    matches!(moved, Err(Error::Store(store::Error::Unmet { condition: Condition::NoBalance(_), .. })))
}

impl Environment {
    /// When the head did not move because of what nobody holds any more by now.
    pub(super) fn held_for_a_moment(&self) -> Error {
        Error::Stale(format!(
            "somebody held a currency for a moment that environment `{}` was about to lose; try again",
            self.name()
        ))
    }

    /// Looks through every profile for wallets of these currencies that hold or owe anything. The sums of the
    /// environment cannot tell: what some owe may cancel out what others have.
    pub(super) async fn holders(&self, currencies: &BTreeSet<Key>) -> Result<BTreeMap<Key, Held>> {
        let mut held = BTreeMap::new();
        let looked_for: Vec<(&Key, CurrencyKey)> =
            currencies.iter().map(|key| (key, CurrencyKey(key.as_str().into()))).collect();
        let mut after = None;
        loop {
            let page = self.store.profile_list(after, PAGE).await?;
            for row in &page.rows {
                let profile = Profile::decode(&row.state)?;
                for (key, currency) in &looked_for {
                    let wallet = profile.wallets.wallet(currency);
                    if wallet.is_settled() {
                        continue;
                    }
                    let held: &mut Held = held.entry((*key).clone()).or_default();
                    held.wallets += 1;
                    held.points += i128::from(wallet.available()) + i128::from(wallet.pending());
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(held);
            }
        }
    }
}
