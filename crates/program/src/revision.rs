//! A revision: one state of an environment's configuration, with where it came from. Like a commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Address, Bundle, ManifestHash, RevisionId, SpecHash, canonical};

/// A revision. Immutable; its id is the hash of its canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// What it holds.
    pub manifest: BTreeMap<Address, SpecHash>,
    /// The head it replaced; the first has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<RevisionId>,
    /// Who made it: id and name of an administrator or key.
    pub author: String,
    /// Why, as they wrote it.
    pub message: String,
    /// How it came about.
    pub origin: Origin,
    /// When.
    pub made_at: Timestamp,
}

/// How a revision came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Origin {
    /// The environment was made, empty.
    Birth,
    /// The environment was made from another's configuration.
    Clone {
        /// Its name.
        environment: String,
        /// Its head then.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        revision: Option<RevisionId>,
    },
    /// Files were applied.
    Files {
        /// The revision they had been pulled from, if they said so.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        pulled: Option<RevisionId>,
        /// The plan's digest.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        digest: Option<String>,
    },
    /// A single object was edited in place.
    Edit {
        /// Which.
        address: Address,
    },
    /// A plan from another environment was applied.
    Promotion {
        /// Its name.
        environment: String,
        /// Its head then.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        revision: Option<RevisionId>,
        /// The plan's digest.
        digest: String,
    },
    /// An earlier revision's content was taken up again.
    Rollback {
        /// Which.
        revision: RevisionId,
    },
}

/// Why a stored revision cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionFault {
    /// It is not a revision's JSON.
    #[error("the stored revision cannot be read: {0}")]
    Unreadable(String),
    /// Its text is not what its id was made from.
    #[error("the stored revision is {found}, not {expected}: it was damaged or exchanged")]
    Mismatch {
        /// The id asked for.
        expected: RevisionId,
        /// The id of what is there.
        found: RevisionId,
    },
}

impl Revision {
    /// Its canonical JSON: what is stored.
    pub fn canonical(&self) -> String {
        // Texts, hashes and a moment always have a JSON form.
        canonical::write(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Its id.
    pub fn id(&self) -> RevisionId {
        RevisionId(Sha256::digest(self.canonical()).into())
    }

    /// The hash of what it holds: what is compared.
    pub fn manifest_hash(&self) -> ManifestHash {
        ManifestHash::of(&self.manifest)
    }

    /// Reads a stored revision, and checks that it is the one asked for.
    pub fn read(expected: RevisionId, text: &str) -> Result<Self, RevisionFault> {
        let revision: Self =
            serde_json::from_str(text).map_err(|error| RevisionFault::Unreadable(error.to_string()))?;
        let found = RevisionId(Sha256::digest(text).into());
        if found == expected { Ok(revision) } else { Err(RevisionFault::Mismatch { expected, found }) }
    }

    /// Whether a bundle is exactly what this revision holds.
    pub fn holds(&self, bundle: &Bundle) -> bool {
        self.manifest == bundle.manifest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Kind};

    fn revision(message: &str) -> Revision {
        let address = Address::new(Kind::Secret, Key::new("hook").expect("a key"));
        Revision {
            manifest: BTreeMap::from([(address, SpecHash::of(Kind::Secret, "{}"))]),
            parent: Some(RevisionId([1; 32])),
            author: "adm_1 Ada".into(),
            message: message.into(),
            origin: Origin::Files { pulled: None, digest: Some("d".into()) },
            made_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_id_is_the_hash_of_the_canonical_text() {
        let made = revision("first");
        assert_eq!(
            made.canonical(),
            format!(
                "{{\"author\":\"adm_1 Ada\",\"made_at\":\"1970-01-01T00:00:00Z\",\"manifest\":{{\"secret/hook\":\"{}\"}},\"message\":\"first\",\"origin\":{{\"digest\":\"d\",\"kind\":\"files\"}},\"parent\":\"{}\"}}",
                SpecHash::of(Kind::Secret, "{}"),
                RevisionId([1; 32]),
            )
        );
        assert_eq!(Revision::read(made.id(), &made.canonical()), Ok(made.clone()));
        assert_ne!(made.id(), revision("second").id());
        assert_eq!(made.manifest_hash(), revision("second").manifest_hash());
        let forged = made.canonical().replace("first", "fIrst");
        assert!(matches!(Revision::read(made.id(), &forged), Err(RevisionFault::Mismatch { .. })));
    }
}
