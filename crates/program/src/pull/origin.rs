//! Where a folder was pulled from; what a later comparison is based on.

use serde::{Deserialize, Serialize};

use crate::{ManifestHash, RevisionId};

/// The file that says it.
pub const ORIGIN_FILE: &str = "greenroom.origin.json";

/// What the origin file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The form of this file; 1.
    pub format_version: u32,
    /// The environment's name.
    pub environment: String,
    /// Its head when it was pulled.
    pub revision: RevisionId,
    /// That revision's manifest.
    pub manifest: ManifestHash,
}

/// Why an origin file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginFault {
    /// It is not what `pull` wrote.
    #[error("{ORIGIN_FILE} cannot be read: {0}. Pull again, or delete it to compare without a base")]
    Unreadable(String),
    /// It comes from a later version.
    #[error("{ORIGIN_FILE} has format {0}, this version reads 1. Use the version that wrote it")]
    Later(u32),
}

impl Origin {
    /// The form written.
    pub const FORMAT_VERSION: u32 = 1;

    /// Says where a folder comes from.
    pub fn new(environment: &str, revision: RevisionId, manifest: ManifestHash) -> Self {
        Self { format_version: Self::FORMAT_VERSION, environment: environment.into(), revision, manifest }
    }

    /// The file's text.
    pub fn write(&self) -> String {
        // A struct of texts and a number has a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the file's text.
    pub fn read(text: &str) -> Result<Self, OriginFault> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| OriginFault::Unreadable(error.to_string()))?;
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version != u64::from(Self::FORMAT_VERSION) => {
                Err(OriginFault::Later(u32::try_from(version).unwrap_or(u32::MAX)))
            }
            _ => serde_json::from_value(value).map_err(|error| OriginFault::Unreadable(error.to_string())),
        }
    }

    /// Finds and reads it among a folder's files.
    pub fn find(files: &[(String, String)]) -> Option<Result<Self, OriginFault>> {
        files
            .iter()
            .find(|(name, _)| name.trim_start_matches("./") == ORIGIN_FILE)
            .map(|(_, text)| Self::read(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_survives_its_file() {
        let origin = Origin::new("staging", RevisionId([7; 32]), ManifestHash([9; 32]));
        let files = [("a.yaml".to_owned(), String::new()), (ORIGIN_FILE.to_owned(), origin.write())];
        assert_eq!(Origin::find(&files), Some(Ok(origin.clone())));
        assert_eq!(Origin::find(&files[..1]), None);
        let later = origin.write().replace("\"format_version\": 1", "\"format_version\": 2");
        assert_eq!(Origin::read(&later), Err(OriginFault::Later(2)));
        assert!(matches!(Origin::read("{"), Err(OriginFault::Unreadable(_))));
    }
}
