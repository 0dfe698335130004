//! `greenroom validate`.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Result;
use program::Kind;
use serde_json::json;

use super::files;
use crate::{context::Context, exit::Exit, output::text::plural};

/// Check a program's files, without a server; all faults together
///
/// Every fault is told with file, line and column, and what to do. Exit code 1 if there is one.
#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// The program's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Validate {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let Some((_, loaded)) = files::checked(&self.folder, context)? else { return Ok(Exit::Failed) };
        let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        for address in loaded.bundle.specs.keys() {
            *kinds.entry(address.kind).or_default() += 1;
        }
        let manifest = loaded.bundle.manifest_hash().to_string();
        let counts: BTreeMap<&str, usize> = kinds.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        let value = json!({"faults": [], "manifest": manifest, "objects": counts});
        context.show(&value, |out| {
            let total = kinds.values().sum();
            let mut parts: Vec<(&str, String)> = kinds
                .iter()
                .map(|(kind, n)| (kind.as_str(), plural(*n, kind.as_str(), many(*kind))))
                .collect();
            parts.sort_unstable();
            let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
            writeln!(out, "no faults in {} ({})", plural(total, "object", "objects"), parts.join(", "))?;
            writeln!(out, "manifest {manifest}")?;
            Ok(())
        })?;
        Ok(Exit::Done)
    }
}

/// Several objects of a kind. (A program has one `settings`.)
const fn many(kind: Kind) -> &'static str {
    match kind {
        Kind::Settings => "settings",
        Kind::Constant => "constants",
        Kind::Secret => "secrets",
        Kind::EventType => "event_types",
        Kind::Trait => "traits",
        Kind::Metric => "metrics",
        Kind::Audience => "audiences",
        Kind::Currency => "currencies",
        Kind::Reactor => "reactors",
    }
}
