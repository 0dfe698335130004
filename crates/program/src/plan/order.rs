//! The order of actions: what others need first, deletions last and the other way round.

use std::collections::{BTreeMap, BTreeSet};

use super::{Op, resolve::Compared};
use crate::{Address, closure::Graph};

/// Orders the actions of a plan.
pub(super) fn order(actions: &[(Address, Op)], after: &Graph, before: &Compared<'_>) -> Vec<(Address, Op)> {
    let some = |wanted: &dyn Fn(Op) -> bool| -> BTreeSet<Address> {
        actions.iter().filter(|(_, op)| wanted(*op)).map(|(address, _)| address.clone()).collect()
    };
    let deleted = some(&|op| op == Op::Delete);
    let written = some(&|op| op != Op::Delete);
    let ops: BTreeMap<&Address, Op> = actions.iter().map(|(address, op)| (address, *op)).collect();
    let mut ordered = after.dependencies_first(&written);
    if !deleted.is_empty() {
        let before = Graph::of(before.target.0.iter().map(|(at, (_, value))| (*at, value)));
        ordered.extend(before.dependencies_first(&deleted).into_iter().rev());
    }
    ordered.into_iter().filter_map(|address| ops.get(&address).map(|op| (address.clone(), *op))).collect()
}
