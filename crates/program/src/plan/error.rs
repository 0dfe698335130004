//! Why there is no plan.

use std::collections::BTreeSet;

use super::{Checksum, Digest, FORMAT_VERSION};
use crate::{Address, ManifestHash};

/// Why a plan could not be computed or read. A plan that exists but may not be applied is not an error; it
/// has blockers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A list of nothing was selected.
    #[error(
        "nothing is selected: name at least one address with --select, or leave it out to plan everything"
    )]
    EmptySelection,
    /// An address is in neither side.
    #[error("there is no {address} in the source or the target{}", did_you_mean(.like.as_ref()))]
    UnknownAddress {
        /// What was named.
        address: Address,
        /// What looks like it.
        like: Option<Address>,
    },
    /// A choice for an object that the plan does not look at.
    #[error("--take {side} {address} decides nothing: the object is not selected. Add --select {address}")]
    TakeNotSelected {
        /// The object.
        address: Address,
        /// The side that was to be taken.
        side: super::Side,
    },
    /// A bundle holds a spec that is not JSON.
    #[error("the {which}'s {address} is not canonical JSON: {error}")]
    BadSpec {
        /// `source`, `target` or `base`.
        which: &'static str,
        /// The object.
        address: Address,
        /// What the reader said.
        error: String,
    },
    /// The file ends too early.
    #[error("the plan file is cut off at line {line}, column {column}: copy it again, or make a new plan")]
    Truncated {
        /// Where it ends.
        line: usize,
        /// Where it ends.
        column: usize,
    },
    /// The file is not JSON.
    #[error("the plan file is not JSON: {0}")]
    NotJson(String),
    /// The file is JSON, but no plan.
    #[error("this is not a plan file: it has no `format_version`. Make one with `greenroom plan -o FILE`")]
    NotAPlan,
    /// A version that we do not know.
    #[error(
        "the plan file has format_version {0}, and this Greenroom reads {FORMAT_VERSION}: use the version of Greenroom that made it, or make a new plan"
    )]
    UnknownVersion(String),
    /// A field that a plan does not have.
    #[error("the plan file has a field that a plan does not have: {0}. Make a new plan")]
    UnknownField(String),
    /// A field is missing or has the wrong form.
    #[error("the plan file is malformed: {0}. Make a new plan")]
    Malformed(String),
    /// What it would do is not what its digest says.
    #[error(
        "the plan file was edited by hand: its contents have the digest {found}, and it says {written}. A plan is not a script; change the choices and make a new one"
    )]
    DigestMismatch {
        /// As the file says.
        written: Digest,
        /// As it is.
        found: Digest,
    },
    /// Something else in the file was edited.
    #[error(
        "the plan file was edited by hand, in what it shows: its contents have the checksum {found}, and it says {written}. Make a new plan"
    )]
    ChecksumMismatch {
        /// As the file says.
        written: Checksum,
        /// As it is.
        found: Checksum,
    },
    /// The objects in the file are not those of the source that it names.
    #[error(
        "the objects in the plan file have the manifest {found}, and it says {written}: the file was not made by Greenroom as it stands. Make a new plan"
    )]
    BundleMismatch {
        /// As the file says.
        written: ManifestHash,
        /// As it is.
        found: ManifestHash,
    },
}

impl PlanError {
    pub(super) fn unknown(address: &Address, known: &BTreeSet<&Address>) -> Self {
        let text = address.to_string();
        let like = known
            .iter()
            .map(|one| (strsim::damerau_levenshtein(&one.to_string(), &text), *one))
            .filter(|(distance, _)| *distance <= 3.max(text.len() / 4))
            .min()
            .map(|(_, one)| one.clone());
        Self::UnknownAddress { address: address.clone(), like }
    }
}

fn did_you_mean(like: Option<&Address>) -> String {
    like.map(|one| format!("; did you mean {one}?")).unwrap_or_default()
}
