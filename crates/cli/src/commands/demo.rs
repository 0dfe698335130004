//! `greenroom demo`.

use anyhow::{Result, bail};

use crate::{context::Context, exit::Exit};

/// Run the demonstration: a record shop with real purchase history
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let Self {} = self;
        context.note("Nothing was started.")?;
        bail!("the demonstration is not part of this build yet; try `greenroom serve`")
    }
}
