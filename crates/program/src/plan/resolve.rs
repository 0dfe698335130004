//! What becomes of one object: the three-way decision, with the person's choices.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Choices, ConflictReason, DriftReason, How, PlanError, PlanInput, Side};
use crate::{
    Address, Bundle,
    diff::{self, MergeConflict, Sides, State},
};

/// One bundle, parsed.
pub(super) struct Parsed<'a>(pub(super) BTreeMap<&'a Address, (&'a Arc<str>, Value)>);

impl<'a> Parsed<'a> {
    fn new(which: &'static str, bundle: &'a Bundle) -> Result<Self, PlanError> {
        let mut objects = BTreeMap::new();
        for (address, spec) in &bundle.specs {
            let value = diff::parse(spec).map_err(|error| PlanError::BadSpec {
                which,
                address: address.clone(),
                error: error.to_string(),
            })?;
            objects.insert(address, (spec, value));
        }
        Ok(Self(objects))
    }

    pub(super) fn text(&self, address: &Address) -> Option<&'a str> {
        self.0.get(address).map(|(text, _)| &***text)
    }

    pub(super) fn value(&self, address: &Address) -> Option<&Value> {
        self.0.get(address).map(|(_, value)| value)
    }

    pub(super) fn has(&self, address: &Address) -> bool {
        self.0.contains_key(address)
    }
}

/// The three bundles and the choices.
pub(super) struct Compared<'a> {
    pub(super) source: Parsed<'a>,
    pub(super) target: Parsed<'a>,
    pub(super) base: Option<Parsed<'a>>,
    pub(super) choices: &'a Choices,
}

/// What becomes of one object.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Both say the same.
    Same,
    /// The target gets this form.
    Write { text: Arc<str>, value: Value, how: How },
    /// The target loses it.
    Delete { how: How },
    /// Only the target has it; deletions were not asked for.
    Kept,
    /// The target's form stays.
    Drift(DriftReason),
    /// Nobody has decided.
    Conflict(ConflictReason, Vec<MergeConflict>),
}

impl<'a> Compared<'a> {
    pub(super) fn new(input: &'a PlanInput<'_>) -> Result<Self, PlanError> {
        Ok(Self {
            source: Parsed::new("source", input.source)?,
            target: Parsed::new("target", input.target)?,
            base: input.base.map(|base| Parsed::new("base", base)).transpose()?,
            choices: &input.choices,
        })
    }

    pub(super) fn state(&self, address: &Address) -> State {
        let sides = Sides {
            base: self.base.as_ref().map(|base| base.text(address)),
            source: self.source.text(address),
            target: self.target.text(address),
        };
        sides.state()
    }

    /// What becomes of the object. With `apart`, edits of both sides are not merged: together they did not
    /// check.
    pub(super) fn resolve(&self, address: &Address, apart: bool) -> Outcome {
        match (self.state(address), self.choices.take.get(address)) {
            (State::Same, _) => Outcome::Same,
            (_, Some(Side::Target)) => Outcome::Drift(DriftReason::Taken),
            (State::Source, _) => self.take_source(address, How::Source),
            (_, Some(Side::Source)) => self.take_source(address, How::Taken),
            (State::Target, None) => Outcome::Drift(DriftReason::Untouched),
            (State::Both, None) => self.both(address, apart),
        }
    }

    fn take_source(&self, address: &Address, how: How) -> Outcome {
        match self.source.0.get(address) {
            Some((text, value)) => Outcome::Write { text: Arc::clone(text), value: value.clone(), how },
            None if self.choices.allow_delete => Outcome::Delete { how },
            None => Outcome::Kept,
        }
    }

    fn both(&self, address: &Address, apart: bool) -> Outcome {
        let (source, target) = (self.source.value(address), self.target.value(address));
        let Some(base) = &self.base else {
            return Outcome::Conflict(ConflictReason::NoBase, two_sides(source, target));
        };
        let Some(base) = base.value(address) else {
            return Outcome::Conflict(ConflictReason::BothMade, two_sides(source, target));
        };
        let (Some(source), Some(target)) = (source, target) else {
            let reason = if source.is_none() {
                ConflictReason::DeletedInSource
            } else {
                ConflictReason::DeletedInTarget
            };
            return Outcome::Conflict(reason, edits(base, source, target));
        };
        if apart {
            return Outcome::Conflict(ConflictReason::DoesNotCheck, edits(base, Some(source), Some(target)));
        }
        match diff::merge(base, source, target) {
            Err(fields) => Outcome::Conflict(ConflictReason::SameFields, fields),
            // The target already holds all that the source changed, and more.
            Ok(merged) if merged == *target => Outcome::Drift(DriftReason::Merged),
            Ok(merged) => Outcome::Write { text: diff::text(&merged), value: merged, how: How::Merged },
        }
    }
}

/// The fields in which two forms differ, when no base is known.
fn two_sides(source: Option<&Value>, target: Option<&Value>) -> Vec<MergeConflict> {
    let changed = diff::fields(source, target).into_iter();
    changed
        .map(|one| MergeConflict { pointer: one.pointer, base: None, source: one.before, target: one.after })
        .collect()
}

/// The fields that either side changed; where a side deleted the object, only the other's.
fn edits(base: &Value, source: Option<&Value>, target: Option<&Value>) -> Vec<MergeConflict> {
    let changes = |side: Option<&Value>| match side {
        Some(side) => diff::fields(Some(base), Some(side)),
        None => Vec::new(),
    };
    let mut all: BTreeMap<String, MergeConflict> = BTreeMap::new();
    for (which, side) in [(Side::Source, source), (Side::Target, target)] {
        for change in changes(side) {
            let entry = all.entry(change.pointer.clone()).or_insert_with(|| {
                let unchanged = |side: Option<&Value>| side.and(change.before.clone());
                MergeConflict {
                    pointer: change.pointer.clone(),
                    base: change.before.clone(),
                    source: unchanged(source),
                    target: unchanged(target),
                }
            });
            match which {
                Side::Source => entry.source = change.after,
                Side::Target => entry.target = change.after,
            }
        }
    }
    all.into_values().collect()
}
