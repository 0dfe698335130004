//! The one function behind plan and apply.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action, Base, Checksum, Conflict, ConflictField, ConflictReason, Digest, Drift, DriftKind, DriftReason,
    FORMAT_VERSION, Op, Plan, PlanError, PlanInput, Source, Target, blocker, effects,
    order::order,
    resolve::{Compared, Outcome},
    scope::{Settled, settle},
};
use crate::{
    Address, Bundle,
    diff::{self, MergeConflict, State},
};

/// A computed plan, with what a file does not hold.
#[derive(Clone, Debug)]
pub struct Computed {
    /// The plan.
    pub plan: Plan,
    /// The target after applying. It checks if the plan is not blocked.
    pub result: Bundle,
    /// What to record as last promoted from this source, once applied: the base of the next comparison.
    pub next_base: Bundle,
}

impl Plan {
    /// Compares, follows dependencies, checks the result, and says what would be done and what stands in the
    /// way. A pure function of its input: whoever computes it again gets the same plan, byte for byte.
    pub fn compute(input: &PlanInput<'_>) -> Result<Computed, PlanError> {
        let compared = Compared::new(input)?;
        let settled = settle(input, &compared)?;
        for (address, side) in &input.choices.take {
            if !settled.scope.contains_key(address) {
                return Err(PlanError::TakeNotSelected { address: address.clone(), side: *side });
            }
        }
        let next_base = next_base(input, &settled);
        let actions = actions(input, &compared, &settled);
        let conflicts = conflicts(input, &settled);
        let blockers = blocker::blockers(input, &compared, &settled, &actions, &conflicts);
        let kept = settled.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Kept));
        let effects = effects::effects(input, &settled, &actions);
        let mut plan = Self {
            format_version: FORMAT_VERSION,
            digest: Digest([0; 32]),
            source: Source {
                origin: input.origin.clone(),
                revision: input.source_revision,
                manifest: input.source.manifest_hash(),
            },
            target: Target {
                id: input.target_id.clone(),
                name: input.target_name.clone(),
                epoch: input.epoch,
                head: input.head,
                manifest: input.target.manifest_hash(),
            },
            base: Base { manifest: input.base.map(Bundle::manifest_hash), after: next_base.manifest_hash() },
            choices: input.choices.clone(),
            kept: kept.map(|(address, _)| address.clone()).collect(),
            drift: drift(input, &compared, &settled),
            notes: notes(&compared, &settled),
            not_selected: diff::differing(input.source, input.target)
                .into_iter()
                .filter(|address| !settled.scope.contains_key(address))
                .collect(),
            result: settled.result.manifest_hash(),
            bundle: compared.source.0.iter().map(|(at, (_, value))| ((*at).clone(), value.clone())).collect(),
            checksum: Checksum([0; 32]),
            actions,
            conflicts,
            blockers,
            effects,
        };
        plan.digest = Digest::of(&plan);
        plan.checksum = Checksum::of(&plan).map_err(|error| PlanError::Malformed(error.to_string()))?;
        Ok(Computed { plan, result: settled.result, next_base })
    }
}

/// Per object: where the two sides have now been reconciled, the source's form; else as before. What only
/// the target has, with nothing ever promoted, counts as agreed: it stays "not in the source" (and is
/// deleted when that is asked for) instead of turning into an edit of the target's own.
fn next_base(input: &PlanInput<'_>, settled: &Settled) -> Bundle {
    let mut base = input.base.cloned().unwrap_or_default();
    if input.base.is_none() {
        let only = input.target.specs.iter().filter(|(address, _)| !input.source.specs.contains_key(address));
        base.specs.extend(only.map(|(address, spec)| (address.clone(), spec.clone())));
    }
    for (address, outcome) in &settled.outcomes {
        let reconciled = matches!(
            outcome,
            Outcome::Same | Outcome::Write { .. } | Outcome::Delete { .. } | Outcome::Drift(_)
        );
        if reconciled {
            match input.source.specs.get(address) {
                Some(spec) => base.specs.insert(address.clone(), spec.clone()),
                None => base.specs.remove(address),
            };
        }
    }
    base
}

fn actions(input: &PlanInput<'_>, compared: &Compared<'_>, settled: &Settled) -> Vec<Action> {
    let (before, after) = (input.target.manifest(), settled.result.manifest());
    let mut ops: BTreeMap<Address, (Op, super::How)> = BTreeMap::new();
    for (address, outcome) in &settled.outcomes {
        match outcome {
            Outcome::Write { how, .. } if compared.target.has(address) => {
                ops.insert(address.clone(), (Op::Update, *how));
            }
            Outcome::Write { how, .. } => {
                ops.insert(address.clone(), (Op::Create, *how));
            }
            Outcome::Delete { how } => {
                ops.insert(address.clone(), (Op::Delete, *how));
            }
            Outcome::Same | Outcome::Kept | Outcome::Drift(_) | Outcome::Conflict(..) => {}
        }
    }
    let listed: Vec<_> = ops.iter().map(|(address, (op, _))| (address.clone(), *op)).collect();
    let ordered = order(&listed, &settled.graph, compared);
    let action = |(address, op): (Address, Op)| Action {
        op,
        how: ops[&address].1,
        because: settled.scope.get(&address).cloned().flatten(),
        before: before.get(&address).copied(),
        after: after.get(&address).copied(),
        fields: diff::fields(compared.target.value(&address), settled.values.get(&address)),
        address,
    };
    ordered.into_iter().map(action).collect()
}

/// The edits of the target that stay: in what it will go on differing from the source.
fn drift(input: &PlanInput<'_>, compared: &Compared<'_>, settled: &Settled) -> Vec<Drift> {
    let mut found = Vec::new();
    for (address, outcome) in &settled.outcomes {
        let reason = match outcome {
            Outcome::Drift(reason) => *reason,
            Outcome::Write { how: super::How::Merged, .. } => DriftReason::Merged,
            _ => continue,
        };
        let (source, stays) = (compared.source.value(address), settled.values.get(address));
        let kind = match (source, stays) {
            (None, _) => DriftKind::Made,
            (_, None) => DriftKind::Deleted,
            _ => DriftKind::Changed,
        };
        let fields = diff::fields(source, stays);
        if fields.is_empty() {
            continue;
        }
        let authors: BTreeSet<String> = fields
            .iter()
            .filter_map(|one| input.facts.target_authors.of(address, &one.pointer))
            .map(Into::into)
            .collect();
        found.push(Drift {
            address: address.clone(),
            kind,
            reason,
            fields,
            authors: authors.into_iter().collect(),
        });
    }
    found
}

fn conflicts(input: &PlanInput<'_>, settled: &Settled) -> Vec<Conflict> {
    let (source, target) = (input.source.manifest(), input.target.manifest());
    let conflict = |address: &Address, reason: ConflictReason, fields: &[MergeConflict]| Conflict {
        address: address.clone(),
        reason,
        source: source.get(address).copied(),
        target: target.get(address).copied(),
        fields: fields.iter().map(|one| field(input, address, one)).collect(),
    };
    let found = settled.outcomes.iter().filter_map(|(address, outcome)| match outcome {
        Outcome::Conflict(reason, fields) => Some(conflict(address, *reason, fields)),
        _ => None,
    });
    found.collect()
}

fn field(input: &PlanInput<'_>, address: &Address, one: &MergeConflict) -> ConflictField {
    let author = |authors: &super::Authors, value: &Option<serde_json::Value>| {
        let changed = *value != one.base;
        changed.then(|| authors.of(address, &one.pointer).map(Into::into)).flatten()
    };
    ConflictField {
        pointer: one.pointer.clone(),
        base: one.base.clone(),
        source: one.source.clone(),
        target: one.target.clone(),
        source_author: author(&input.facts.source_authors, &one.source),
        target_author: author(&input.facts.target_authors, &one.target),
    }
}

/// What a written object stands on and the source has in another form that was not selected.
fn notes(compared: &Compared<'_>, settled: &Settled) -> Vec<String> {
    let mut notes = Vec::new();
    for (address, outcome) in &settled.outcomes {
        if !matches!(outcome, Outcome::Write { .. }) {
            continue;
        }
        for one in settled.graph.references(address) {
            let other = !settled.scope.contains_key(&one.to)
                && compared.source.has(&one.to)
                && matches!(compared.state(&one.to), State::Source | State::Both);
            if other {
                notes.push(format!(
                    "{address} ({}) uses {}, which the source has in another form; the target's stays. Add --select {} to take it along",
                    one.pointer, one.to, one.to
                ));
            }
        }
    }
    notes
}
