//! `greenroom backup`.

use anyhow::Result;
use serde_json::json;

use super::long;
use crate::{arguments::In, context::Context, exit::Exit, output::text::at};

/// Back an environment up while it serves
///
/// A consistent copy in the server's folder of backups (`backups` in the data folder, unless configured).
/// It holds members' data: keep it as safe as the server, and the master key apart from it. Ended with Ctrl-C it leaves
/// nothing there.
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    place: In,
}

impl Backup {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let made = long::post(context, &self.place.environment, "backup", &json!({}))?;
        context.show(&made, |out| Ok(writeln!(out, "{}", at(&made, "/path"))?))?;
        let name = at(&made, "/name");
        context
            .note(&format!("put it back with `greenroom restore -e {} {name}`", self.place.environment))?;
        Ok(Exit::Done)
    }
}
