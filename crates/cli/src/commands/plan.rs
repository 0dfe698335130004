//! `greenroom plan`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use super::change::{self, Change, Chosen};
use crate::{context::Context, exit::Exit};

/// Show what would change if a program were applied
///
/// From a folder (DIR) or from another environment (--from). Nothing is changed. The plan has a digest:
/// `apply --expect DIGEST` applies exactly this and nothing else. Exit codes: 0, 3 when the plan is blocked,
/// and 2 when there are changes if --detailed-exitcode is given.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["folder", "from"]))]
pub(crate) struct Plan {
    /// The program's folder
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The environment whose program it is
    #[arg(long, value_name = "ENV")]
    from: Option<String>,
    /// The environment that would be changed
    #[arg(long, value_name = "ENV")]
    to: String,
    #[command(flatten)]
    chosen: Chosen,
    /// Write the plan to a file, for `apply` and `rehearse`
    #[arg(short = 'o', value_name = "FILE")]
    file: Option<PathBuf>,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
}

impl Plan {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let source = change::source(self.folder.as_deref(), self.from.as_deref())?;
        let Some(change) = Change::new(source, Some(&self.to), &self.chosen, context)? else {
            return Ok(Exit::Failed);
        };
        let (plan, text) = change.planned(&context.client()?)?;
        change::show(&plan, &text, context)?;
        if let Some(file) = &self.file {
            fs::write(file, &text).with_context(|| format!("writing {}", file.display()))?;
            context.note(&format!("written to {0}; apply it with `greenroom apply {0}`", file.display()))?;
        }
        Ok(exit(plan.exit_code(self.detailed_exitcode)))
    }
}

const fn exit(code: u8) -> Exit {
    match code {
        0 => Exit::Done,
        2 => Exit::Changes,
        3 => Exit::Blocked,
        _ => Exit::Failed,
    }
}
