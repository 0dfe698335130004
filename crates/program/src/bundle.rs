//! A program as content: canonical spec bytes by address, and the hashes that name them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Address, Kind, canonical};

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let bad = || format!("`{text}` is not a SHA-256 in 64 hexadecimal digits");
                if text.len() != 64 || !text.is_ascii() {
                    return Err(bad());
                }
                let mut bytes = [0; 32];
                for (i, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
                }
                Ok(Self(bytes))
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
    /// SHA-256 of a canonical spec.
    SpecHash
}
hash! {
    /// SHA-256 of a manifest `{address → spec hash}`: what is compared.
    ManifestHash
}
hash! {
    /// SHA-256 of a revision (manifest, parent, author, message, origin, time): like a commit's id.
    RevisionId
}

/// A program as content. Equal bundles have equal manifest hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The canonical bytes of each object's spec (see [`crate::canonical`]).
    pub specs: BTreeMap<Address, Arc<str>>,
}

impl Bundle {
    /// The hash of each spec.
    pub fn manifest(&self) -> BTreeMap<Address, SpecHash> {
        self.specs.iter().map(|(address, text)| (address.clone(), SpecHash::of(address.kind, text))).collect()
    }

    /// The manifest's hash.
    pub fn manifest_hash(&self) -> ManifestHash {
        ManifestHash::of(&self.manifest())
    }
}

impl SpecHash {
    /// The hash of a canonical spec: of its kind, a line feed, and the text.
    pub fn of(kind: Kind, canonical: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind.as_str());
        hash.update("\n");
        hash.update(canonical);
        Self(hash.finalize().into())
    }
}

impl ManifestHash {
    /// The hash of a manifest's canonical JSON.
    pub fn of(manifest: &BTreeMap<Address, SpecHash>) -> Self {
        Self(Sha256::digest(canonical::write(&manifest_json(manifest))).into())
    }
}

/// A manifest as JSON: `{"kind/key": "hash in hexadecimal"}`.
pub fn manifest_json(manifest: &BTreeMap<Address, SpecHash>) -> serde_json::Value {
    manifest
        .iter()
        .map(|(address, hash)| (address.to_string(), serde_json::Value::from(hash.to_string())))
        .collect()
}
