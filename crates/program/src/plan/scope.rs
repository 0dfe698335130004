//! Which objects a plan looks at: the selection and what it needs; and what the target then holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    How, PlanError, PlanInput, Selection,
    resolve::{Compared, Outcome},
};
use crate::{
    Address, Bundle, Fault,
    closure::{Because, Graph},
    diff::State,
};

/// The objects looked at, what becomes of each, and the target afterwards.
pub(super) struct Settled {
    /// Each object looked at, and what needs it when nobody selected it.
    pub(super) scope: BTreeMap<Address, Option<Because>>,
    pub(super) outcomes: BTreeMap<Address, Outcome>,
    pub(super) result: Bundle,
    pub(super) values: BTreeMap<Address, Value>,
    /// Of the result.
    pub(super) graph: Graph,
    /// Of the result; empty when it is the target as it is.
    pub(super) faults: Vec<Fault>,
    /// What came along because the result would not check without, in the order in which it came.
    brought: Vec<Address>,
}

/// Grows the selection until it holds what it needs, and no more.
///
/// An object that takes the source's form brings along what it names and the target lacks; and, only when
/// the result would not check without, those objects it stands on that the source has in another form.
/// Which of these a fault calls for cannot be read off it, so that all are brought first, and then each is
/// left out again if the result checks as well without.
pub(super) fn settle(input: &PlanInput<'_>, compared: &Compared<'_>) -> Result<Settled, PlanError> {
    let selected = selected(input, compared)?;
    let mut refused = BTreeSet::new();
    let mut best = grow(input, compared, selected.clone(), &refused);
    for address in best.brought.clone() {
        refused.insert(address.clone());
        let without = grow(input, compared, selected.clone(), &refused);
        let smaller = without.scope.keys().all(|at| best.scope.contains_key(at));
        if smaller && without.faults.iter().all(|fault| best.faults.contains(fault)) {
            best = without;
        } else {
            refused.remove(&address);
        }
    }
    Ok(best)
}

/// Grows the selection, but never by what is refused. Objects merged from edits of both sides that do not
/// check are taken apart again, and are conflicts.
fn grow(
    input: &PlanInput<'_>,
    compared: &Compared<'_>,
    mut scope: BTreeMap<Address, Option<Because>>,
    refused: &BTreeSet<Address>,
) -> Settled {
    let mut apart = BTreeSet::new();
    let mut brought = Vec::new();
    loop {
        let mut settled = apply(input, compared, scope, &apart);
        let mut more = lacking(compared, &settled);
        if more.is_empty() && settled.result != *input.target {
            settled.faults = (input.check)(&settled.result);
            settled.faults.sort();
            more = outdated(compared, &settled, refused);
            brought.extend(more.keys().cloned());
            let failed = merged_in_vain(&settled);
            if more.is_empty() && !failed.is_empty() {
                apart.extend(failed);
                scope = settled.scope;
                continue;
            }
        }
        if more.is_empty() {
            return Settled { brought, ..settled };
        }
        scope = settled.scope;
        scope.extend(more.into_iter().map(|(address, because)| (address, Some(because))));
    }
}

/// The merged objects that do not check.
fn merged_in_vain(settled: &Settled) -> Vec<Address> {
    let merged =
        |at: &Address| matches!(settled.outcomes.get(at), Some(Outcome::Write { how: How::Merged, .. }));
    faulty(settled).filter(|(at, _)| merged(at)).map(|(at, _)| at.clone()).collect()
}

/// What the person named, checked against what there is.
fn selected(
    input: &PlanInput<'_>,
    compared: &Compared<'_>,
) -> Result<BTreeMap<Address, Option<Because>>, PlanError> {
    let base = input.base.into_iter().flat_map(|base| base.specs.keys());
    let known: BTreeSet<&Address> =
        compared.source.0.keys().chain(compared.target.0.keys()).copied().chain(base).collect();
    let check = |address: &Address| {
        if known.contains(address) { Ok(()) } else { Err(PlanError::unknown(address, &known)) }
    };
    input.choices.take.keys().try_for_each(check)?;
    match &input.choices.select {
        Selection::Everything => Ok(known.into_iter().map(|address| (address.clone(), None)).collect()),
        Selection::Only(addresses) if addresses.is_empty() => Err(PlanError::EmptySelection),
        Selection::Only(addresses) => {
            addresses.iter().try_for_each(check)?;
            Ok(addresses.iter().map(|address| (address.clone(), None)).collect())
        }
    }
}

fn apply(
    input: &PlanInput<'_>,
    compared: &Compared<'_>,
    scope: BTreeMap<Address, Option<Because>>,
    apart: &BTreeSet<Address>,
) -> Settled {
    let mut result = input.target.clone();
    let mut values: BTreeMap<Address, Value> =
        compared.target.0.iter().map(|(at, (_, value))| ((*at).clone(), value.clone())).collect();
    let mut outcomes = BTreeMap::new();
    for address in scope.keys() {
        let outcome = compared.resolve(address, apart.contains(address));
        match &outcome {
            Outcome::Write { text, value, .. } => {
                result.specs.insert(address.clone(), Arc::clone(text));
                values.insert(address.clone(), value.clone());
            }
            Outcome::Delete { .. } => {
                result.specs.remove(address);
                values.remove(address);
            }
            Outcome::Same | Outcome::Kept | Outcome::Drift(_) | Outcome::Conflict(..) => {}
        }
        outcomes.insert(address.clone(), outcome);
    }
    let graph = Graph::of(&values);
    Settled { scope, outcomes, result, values, graph, faults: Vec::new(), brought: Vec::new() }
}

/// What the written objects name, the source has, and the result lacks.
fn lacking(compared: &Compared<'_>, settled: &Settled) -> BTreeMap<Address, Because> {
    let mut more = BTreeMap::new();
    for (address, outcome) in &settled.outcomes {
        if !matches!(outcome, Outcome::Write { .. }) {
            continue;
        }
        for one in settled.graph.references(address) {
            let there = settled.values.contains_key(&one.to) || settled.scope.contains_key(&one.to);
            if !there && compared.source.has(&one.to) {
                let because = Because { address: address.clone(), pointer: one.pointer.clone() };
                more.entry(one.to.clone()).or_insert(because);
            }
        }
    }
    more
}

/// The written objects that do not check, each with the pointer of its fault.
fn faulty(settled: &Settled) -> impl Iterator<Item = (&Address, &str)> {
    let written = |at: &Address| matches!(settled.outcomes.get(at), Some(Outcome::Write { .. }));
    settled.faults.iter().flat_map(move |fault| {
        let named: Vec<&Address> = match &fault.address {
            Some(address) => vec![address],
            None => settled.outcomes.keys().collect(),
        };
        named.into_iter().filter(move |at| written(at)).map(|at| (at, fault.pointer.as_str()))
    })
}

/// What the faulty objects stand on and the source has in another form: first what the faulty field names,
/// or else everything the object names.
fn outdated(
    compared: &Compared<'_>,
    settled: &Settled,
    refused: &BTreeSet<Address>,
) -> BTreeMap<Address, Because> {
    let wanted = |address: &Address| {
        !settled.scope.contains_key(address)
            && !refused.contains(address)
            && compared.source.has(address)
            && matches!(compared.state(address), State::Source | State::Both)
    };
    let mut more = BTreeMap::new();
    for (address, pointer) in faulty(settled) {
        let mut needs = settled.graph.needs(address, Some(pointer), &wanted);
        if needs.is_empty() {
            needs = settled.graph.needs(address, None, &wanted);
        }
        for (needed, because) in needs {
            more.entry(needed).or_insert(because);
        }
    }
    more
}
