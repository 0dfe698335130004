//! The two hashes of a plan: what it would do, and its file's wholeness.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Plan;
use crate::{SpecHash, diff};

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&SpecHash(self.0), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                SpecHash::from_str(text).map(|hash| Self(hash.0))
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(hash: $name) -> Self {
                hash.to_string()
            }
        }
    };
}

hash! {
    /// SHA-256 of what a plan would do and what it assumes. What an approval names.
    Digest
}
hash! {
    /// SHA-256 of a whole plan file but for this field. Only tells whether the file was edited.
    Checksum
}

impl Digest {
    /// What a plan's digest must be.
    ///
    /// It covers the identities of source and target, the target's epoch and manifest, the base before and
    /// after, the choices, each action with its hashes, the open conflicts, and the resulting manifest. It
    /// leaves out what is only shown: names, revision ids, authors, field lists (they follow from the
    /// hashes), notes, the preview of effects; and blockers, which are judged anew when applying.
    pub fn of(plan: &Plan) -> Self {
        let actions: Vec<_> = plan
            .actions
            .iter()
            .map(
                |one| json!({"op": one.op, "address": one.address, "before": one.before, "after": one.after}),
            )
            .collect();
        let conflicts: Vec<_> = plan
            .conflicts
            .iter()
            .map(|one| json!({"address": one.address, "source": one.source, "target": one.target}))
            .collect();
        let matters = json!({
            "format_version": plan.format_version,
            "source": {"kind": plan.source.origin.kind, "id": plan.source.origin.id},
            "target": {"id": plan.target.id, "epoch": plan.target.epoch, "manifest": plan.target.manifest},
            "base": plan.base,
            "choices": plan.choices,
            "actions": actions,
            "conflicts": conflicts,
            "result": plan.result,
        });
        Self(sha256("greenroom plan 1\n", &diff::text(&matters)))
    }
}

impl Checksum {
    /// What a plan file's checksum must be.
    pub fn of(plan: &Plan) -> Result<Self, serde_json::Error> {
        let mut whole = serde_json::to_value(plan)?;
        if let Some(fields) = whole.as_object_mut() {
            fields.remove("checksum");
        }
        Ok(Self(sha256("greenroom plan file 1\n", &diff::text(&whole))))
    }
}

fn sha256(domain: &str, text: &str) -> [u8; 32] {
    Sha256::new().chain_update(domain).chain_update(text).finalize().into()
}
