//! `greenroom config`.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use crate::{config::ServerConfig, context::Context, exit::Exit, output::text::plural};

/// The server's configuration file (TOML), see docs/operating.md
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Config {
    /// Check a configuration file; all faults together, each with file, line and column
    Check {
        /// The file
        file: PathBuf,
    },
}

impl Config {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let Self::Check { file } = self;
        let (config, faults) = match ServerConfig::load(&file)? {
            Ok(config) => (Some(config), Vec::new()),
            Err(faults) => (None, faults),
        };
        context.show(&json!({ "faults": faults }), |out| {
            for fault in &faults {
                writeln!(out, "{fault}")?;
            }
            for listener in config.iter().flat_map(|config| &config.listeners) {
                let serves = super::serve::serves(listener).join(" and ");
                writeln!(out, "{} serves {serves} of {}", listener.address, listener.environments)?;
            }
            for (name, own) in config.iter().flat_map(|config| &config.store.environments) {
                writeln!(out, "{name} has a store of its own, {}", own.at.kind())?;
            }
            if faults.is_empty() {
                writeln!(out, "no faults")?;
            }
            Ok(())
        })?;
        if config.is_none() {
            context.note(&plural(faults.len(), "fault", "faults"))?;
            return Ok(Exit::Failed);
        }
        Ok(Exit::Done)
    }
}
