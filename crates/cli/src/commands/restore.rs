//! `greenroom restore`.

use anyhow::Result;
use serde_json::json;

use crate::{arguments::In, client::routes, context::Context, exit::Exit, output::text::at};

/// Put a backup in an environment's place
///
/// What came in since the backup is gone from it. People who were erased meanwhile are erased again before it
/// serves; deliveries start paused.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    place: In,
    /// The backup's name in the server's folder of backups, as `backup` told it
    #[arg(value_name = "BACKUP")]
    name: String,
    /// Ask nobody
    #[arg(long)]
    auto_approve: bool,
}

impl Restore {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let environment = &self.place.environment;
        if !self.auto_approve {
            if !context.interactive {
                context
                    .note("nothing was done: there is nobody here to ask. To go on, give --auto-approve")?;
                return Ok(Exit::ApprovalRequired);
            }
            if !context.confirm(&format!(
                "Put {} in the place of {environment}? What came in since is lost.",
                self.name
            ))? {
                context.note("nothing was done")?;
                return Ok(Exit::ApprovalRequired);
            }
        }
        let path = format!("{}/restore", routes::environment(environment));
        let restored = context.client()?.post(&path, &json!({ "name": self.name }))?;
        context.show(&restored, |out| {
            Ok(writeln!(
                out,
                "{environment} is restored from {}, at epoch {}",
                self.name,
                at(&restored, "/epoch")
            )?)
        })?;
        Ok(Exit::Done)
    }
}
