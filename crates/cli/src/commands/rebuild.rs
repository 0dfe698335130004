//! `greenroom rebuild`.

use anyhow::Result;
use serde_json::json;

use super::long;
use crate::{arguments::In, context::Context, exit::Exit, output::text::number};

/// Make every view again from the journal
///
/// Profiles, wallets, memberships, search, due work, sums, counters and the directory. Nothing is decided and
/// nothing is sent. Events wait meanwhile; ended with Ctrl-C, the views stay as they were.
#[derive(Debug, clap::Args)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    place: In,
}

impl Rebuild {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let rebuilt = long::post(context, &self.place.environment, "rebuild", &json!({}))?;
        context.show(&rebuilt, |out| {
            let (profiles, records) = (number(&rebuilt, "/profiles"), number(&rebuilt, "/records"));
            Ok(writeln!(out, "made {profiles} profiles and all other views again from {records} records")?)
        })?;
        Ok(Exit::Done)
    }
}
