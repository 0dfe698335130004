//! `greenroom clock`.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::json;

use super::span;
use crate::{
    arguments::In,
    client::routes,
    context::Context,
    exit::Exit,
    output::text::{at, moment},
};

/// The clock of a test environment; live's is the world's
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Clock {
    /// Show an environment's time
    Show {
        #[command(flatten)]
        place: In,
    },
    /// Move a test environment's clock forward; everything due until then happens, in order
    Advance {
        #[command(flatten)]
        place: In,
        /// How far: 30d, 2 weeks, 36h, 1 month
        #[arg(value_name = "SPAN", required_unless_present = "until", conflicts_with = "until")]
        by: Option<String>,
        /// To this time: 2026-01-31, or 2026-01-31T12:00:00Z
        #[arg(long, value_name = "TIME", value_parser = span::moment_utc)]
        until: Option<Timestamp>,
    },
}

impl Clock {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        let clock = match self {
            Self::Show { place } => {
                client.get(&format!("{}/clock", routes::environment(&place.environment)))?
            }
            Self::Advance { place, by, until } => {
                let by = by
                    .map(|by| span::span(&by).map(|span| span.to_string()).map_err(|why| anyhow!(why)))
                    .transpose()?;
                let path = format!("{}/clock/advance", routes::environment(&place.environment));
                client.post(&path, &json!({"by": by, "to": until}))?
            }
        };
        context.show(&clock, |out| {
            Ok(writeln!(out, "{} ({})", moment(&clock, "/now"), at(&clock, "/setting"))?)
        })?;
        Ok(Exit::Done)
    }
}
