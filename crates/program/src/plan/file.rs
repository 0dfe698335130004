//! The plan file: JSON that tells when it was cut off or edited.

use std::collections::BTreeMap;

use serde_json::{Value, error::Category};

use super::{Checksum, Digest, FORMAT_VERSION, Plan, PlanError};
use crate::{Address, Bundle, diff};

impl Plan {
    /// The plan file. Pretty-printed, newline at the end.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads a plan file and checks that it is whole and unedited.
    ///
    /// That says nothing about who made it, or whether it still fits the target: it is never executed, but
    /// computed again ([`Plan::compute`] with [`Plan::source_bundle`] and its choices) and compared
    /// ([`Plan::stale`]).
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        let value: Value = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Eof => PlanError::Truncated { line: error.line(), column: error.column() },
            _ => PlanError::NotJson(error.to_string()),
        })?;
        match value.get("format_version") {
            None => return Err(PlanError::NotAPlan),
            Some(version) if version.as_u64() == Some(FORMAT_VERSION.into()) => {}
            Some(version) => return Err(PlanError::UnknownVersion(version.to_string())),
        }
        // Once more from the text, so that the message names line and column.
        let plan: Self = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            if message.starts_with("unknown field") {
                PlanError::UnknownField(message)
            } else {
                PlanError::Malformed(message)
            }
        })?;
        let found = Digest::of(&plan);
        if found != plan.digest {
            return Err(PlanError::DigestMismatch { written: plan.digest, found });
        }
        let found = Checksum::of(&plan).map_err(|error| PlanError::Malformed(error.to_string()))?;
        if found != plan.checksum {
            return Err(PlanError::ChecksumMismatch { written: plan.checksum, found });
        }
        let found = plan.source_bundle().manifest_hash();
        if found != plan.source.manifest {
            return Err(PlanError::BundleMismatch { written: plan.source.manifest, found });
        }
        Ok(plan)
    }

    /// The source as it was, from the file itself.
    pub fn source_bundle(&self) -> Bundle {
        let specs: BTreeMap<Address, _> =
            self.bundle.iter().map(|(address, spec)| (address.clone(), diff::text(spec))).collect();
        Bundle { specs }
    }
}
