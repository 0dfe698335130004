//! `greenroom rebuild`.

use anyhow::Result;
use serde_json::json;

use crate::{arguments::In, client::routes, context::Context, exit::Exit, output::text::number};

/// Make every view again from the journal
///
/// Profiles, wallets, memberships, search, due work, sums, counters and the directory. Nothing is decided and
/// nothing is sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    place: In,
}

impl Rebuild {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = format!("{}/rebuild", routes::environment(&self.place.environment));
        let rebuilt = context.client()?.post(&path, &json!({}))?;
        context.show(&rebuilt, |out| {
            let (profiles, records) = (number(&rebuilt, "/profiles"), number(&rebuilt, "/records"));
            Ok(writeln!(out, "made {profiles} profiles and all other views again from {records} records")?)
        })?;
        Ok(Exit::Done)
    }
}
