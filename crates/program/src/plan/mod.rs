//! The typed difference between two environments' configurations, ready to apply.
//!
//! [`Plan::compute`] is the one function behind plan and apply: a plan file is never executed. Whoever
//! applies one reads the source bundle and the choices from it, computes the plan again against the target
//! as it is now, and compares digests ([`Plan::stale`]).

mod action;
mod blocker;
mod compute;
mod digest;
mod effects;
mod error;
mod file;
mod input;
mod markdown;
mod order;
mod render;
mod resolve;
mod scope;
mod stale;
mod text;

pub use action::{Action, Conflict, ConflictField, ConflictReason, Drift, DriftKind, DriftReason, How, Op};
pub use blocker::{Blocker, BlockerCode};
pub use compute::Computed;
pub use digest::{Checksum, Digest};
pub use effects::{AudienceEffect, Effects, MetricEffect};
pub use error::PlanError;
pub use input::{
    Authors, Base, Choices, Crossing, Facts, Held, Origin, OriginKind, PlanInput, Selection, Side, Source,
    Target,
};
pub use stale::{Stale, StaleBecause};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, ManifestHash};

/// The only version of the plan file there is.
pub const FORMAT_VERSION: u32 = 1;

/// A plan: what would be done to the target, what would not and why, and what it assumes. All of it is in
/// the file; see `docs/plans.md` for its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this form: [`FORMAT_VERSION`].
    pub format_version: u32,
    /// What the plan would do and assumes, as one hash. Two plans that do the same have the same.
    pub digest: Digest,
    /// Where the configuration comes from.
    pub source: Source,
    /// Where it goes to, and the state there that the plan assumes.
    pub target: Target,
    /// What was last promoted between them.
    pub base: Base,
    /// What the person asked for.
    pub choices: Choices,
    /// What is done, in order: what others need first, deletions last.
    pub actions: Vec<Action>,
    /// Edits of the target's own, kept.
    pub drift: Vec<Drift>,
    /// Objects that only the target has, kept because deletions were not asked for.
    pub kept: BTreeSet<Address>,
    /// What both sides changed, and nobody has decided yet.
    pub conflicts: Vec<Conflict>,
    /// Why it cannot be applied. None: it can.
    pub blockers: Vec<Blocker>,
    /// What to know that blocks nothing.
    pub notes: Vec<String>,
    /// What happens to members.
    pub effects: Effects,
    /// Objects that differ and were not selected.
    pub not_selected: BTreeSet<Address>,
    /// The manifest that the target has afterwards.
    pub result: ManifestHash,
    /// The source's objects, so that the plan can be applied without the source at hand.
    pub bundle: BTreeMap<Address, Value>,
    /// Over everything in the file but itself: tells whether the file was edited.
    pub checksum: Checksum,
}

impl Plan {
    /// Whether there is nothing to do and nothing to decide.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.conflicts.is_empty()
    }

    /// Whether it may not be applied as it stands.
    pub fn blocked(&self) -> bool {
        !self.blockers.is_empty()
    }

    /// Whether applying moves the base of later comparisons (though there may be no action): both sides came
    /// to say the same, or a conflict was decided for the target. Worth recording, so that the same question
    /// is not asked again.
    pub fn moves_base(&self) -> bool {
        self.base.manifest != Some(self.base.after)
    }

    /// The exit code of `greenroom plan`: 0 nothing to do (or changes, unless `detailed`), 2 changes,
    /// 3 blocked.
    pub fn exit_code(&self, detailed: bool) -> u8 {
        match (self.blocked(), self.is_empty()) {
            (true, _) => 3,
            (false, false) if detailed => 2,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
