//! The lines of a plan: what is done, what is kept, what nobody has decided.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, SpecHash, closure::Because, diff::FieldChange};

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// It comes.
    Create,
    /// It changes.
    Update,
    /// It goes.
    Delete,
}

/// Where its new form comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Only the source changed it.
    Source,
    /// Both changed it, in different fields.
    Merged,
    /// Both changed it (or only the target), and `--take source` decided.
    Taken,
}

/// One change to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What is done.
    pub op: Op,
    /// To what.
    pub address: Address,
    /// Where the new form comes from.
    pub how: How,
    /// What needs it, when nobody selected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Because>,
    /// Its spec's hash in the target now; absent for a creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<SpecHash>,
    /// Its spec's hash afterwards; absent for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<SpecHash>,
    /// Field by field.
    pub fields: Vec<FieldChange>,
}

/// What the target did with an object of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Made it.
    Made,
    /// Edited it.
    Changed,
    /// Deleted it.
    Deleted,
}

/// Why drift is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftReason {
    /// The source did not touch the object.
    Untouched,
    /// The source changed other fields of it.
    Merged,
    /// `--take target` decided.
    Taken,
}

/// An edit of the target's own that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Of which object.
    pub address: Address,
    /// What was done there.
    pub kind: DriftKind,
    /// Why it stays.
    pub reason: DriftReason,
    /// Since the base: before, as last promoted; after, as it is and stays.
    pub fields: Vec<FieldChange>,
    /// Who did it, if known.
    pub authors: Vec<String>,
}

/// Why nobody but a person can decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictReason {
    /// Both changed the same fields.
    SameFields,
    /// They changed different fields, but the two edits together do not check.
    DoesNotCheck,
    /// Both have it, in different forms, and nothing was ever promoted between them.
    NoBase,
    /// Both made it, each in its own way.
    BothMade,
    /// The source deleted it, the target edited it.
    DeletedInSource,
    /// The target deleted it, the source edited it.
    DeletedInTarget,
}

/// An object that both sides changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// Which object.
    pub address: Address,
    /// Why it cannot be merged.
    pub reason: ConflictReason,
    /// Its spec's hash in the source; absent when deleted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SpecHash>,
    /// Its spec's hash in the target; absent when deleted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<SpecHash>,
    /// The fields in question.
    pub fields: Vec<ConflictField>,
}

/// One field of a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConflictField {
    /// JSON pointer into the document.
    pub pointer: String,
    /// As last promoted; absent when it was not there or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::diff::present")]
    pub base: Option<Value>,
    /// In the source.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::diff::present")]
    pub source: Option<Value>,
    /// In the target.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::diff::present")]
    pub target: Option<Value>,
    /// Who wrote the source's, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_author: Option<String>,
    /// Who wrote the target's, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_author: Option<String>,
}
