//! Who holds a currency that a plan would delete.

use std::collections::{BTreeMap, BTreeSet};

use engine::Profile;
use ledger::CurrencyKey;
use program::{
    Key, Kind,
    plan::{Held, Op, Plan},
};

use crate::{Environment, Result};

const PAGE: usize = 1_000;

/// The currencies that a plan would delete.
pub(super) fn deleted_currencies(plan: &Plan) -> BTreeSet<Key> {
    let deleted = plan.actions.iter().filter(|action| action.op == Op::Delete);
    let currencies = deleted.filter(|action| action.address.kind == Kind::Currency);
    currencies.map(|action| action.address.key.clone()).collect()
}

impl Environment {
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
