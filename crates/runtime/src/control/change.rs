//! What a control record says, and its bytes.

use jiff::Timestamp;
use program::{Address, Key, ManifestHash, RevisionId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Who did something: an administrator, a key, or Greenroom itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Id of the administrator or key; `greenroom` for the system.
    pub id: String,
    /// Their name at that time.
    pub name: String,
}

impl Actor {
    /// Greenroom itself.
    pub fn system() -> Self {
        Self { id: "greenroom".into(), name: "Greenroom".into() }
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The environment was born.
    Born {
        /// UUID, hexadecimal.
        environment: String,
        /// Name.
        name: String,
        /// Live or test.
        live: bool,
    },
    /// The head moved to a revision.
    HeadMoved {
        /// Which.
        revision: RevisionId,
        /// Its manifest.
        manifest: ManifestHash,
        /// `apply`, `promote`, `rollback`.
        by: String,
        /// The digest of the plan it carried out, if there was one.
        digest: Option<String>,
        /// Whether audiences that change by it set off reactors.
        react: bool,
    },
    /// A constant was bound; the value is sealed (hexadecimal).
    ConstantSet {
        /// Which.
        key: Key,
        /// Sealed JSON.
        sealed: String,
    },
    /// A constant was unbound.
    ConstantUnset {
        /// Which.
        key: Key,
    },
    /// A secret was set or forgotten. (Its value stands outside the journal.)
    SecretChanged {
        /// Which.
        key: Key,
        /// Whether it has a value now.
        bound: bool,
    },
    /// A reactor was switched on or off.
    Switched {
        /// Which.
        reactor: Key,
        /// On?
        on: bool,
    },
    /// The test clock was set; `None` goes back to the machine's.
    ClockSet {
        /// Now.
        now: Option<Timestamp>,
    },
    /// A schedule's time came.
    ScheduleReached {
        /// Whose.
        address: Address,
        /// It began (or else ended).
        began: bool,
        /// When it was due.
        due: Timestamp,
    },
    /// A key was made or revoked.
    KeyChanged {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// Made (or else revoked).
        made: bool,
    },
    /// What is sealed was sealed with another master key.
    MasterKeyChanged,
    /// The environment was restored from a backup.
    Restored {
        /// The incarnation from now on.
        incarnation: u64,
    },
}

/// A control record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// Its position: the epoch it begins.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// Why, as they wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// What.
    #[serde(flatten)]
    pub change: Change,
    /// SHA-256 of the previous record's bytes, hexadecimal; empty for the first.
    pub previous: String,
}

/// The first byte of every control record: format 1 is JSON.
const FORMAT_JSON: u8 = 1;

impl ControlRecord {
    /// Its bytes.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![FORMAT_JSON];
        serde_json::to_writer(&mut bytes, self)
            .map_err(|error| Error::Internal(format!("control record does not encode: {error}")))?;
        Ok(bytes)
    }

    /// Reads one of any format ever written.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let undecodable =
            |why: String| Error::Undecodable(engine::record::Undecodable(format!("control record: {why}")));
        match bytes.split_first() {
            Some((&FORMAT_JSON, json)) => {
                serde_json::from_slice(json).map_err(|error| undecodable(error.to_string()))
            }
            Some((format, _)) => Err(undecodable(format!("format {format} is not known to this version"))),
            None => Err(undecodable("it is empty".into())),
        }
    }

    /// The hash the next record cites.
    pub fn hash(bytes: &[u8]) -> String {
        hex(&Sha256::digest(bytes))
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes of a hexadecimal text.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() -> Result<()> {
        let record = ControlRecord {
            n: 3,
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::system(),
            message: Some("spring".into()),
            change: Change::Switched { reactor: Key::new("bonus").map_err(Error::Internal)?, on: false },
            previous: "00".into(),
        };
        let bytes = record.encode()?;
        assert_eq!(ControlRecord::decode(&bytes)?, record);
        assert!(ControlRecord::decode(&bytes[..10]).is_err());
        assert!(ControlRecord::decode(&[9, 1]).is_err());
        assert!(ControlRecord::decode(&[]).is_err());
        Ok(())
    }
}
