//! `greenroom work`.

use anyhow::Result;
use ureq::http::Method;

use crate::{
    arguments::In,
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{
        Column::{Number, Plain, Time},
        Table,
        text::{at, number},
    },
};

/// Long work that is under way: rehearsals, verifications, rebuilds, backups
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Work {
    /// List it: who asked for it, and how far it is
    ///
    /// Where several nodes serve the environment, only the work of the one that answers is seen.
    List {
        #[command(flatten)]
        place: In,
    },
    /// Cancel it; it ends at once and leaves nothing half done
    ///
    /// Where several nodes serve the environment, ask the one that does it (--server): the others do not know of it.
    Cancel {
        #[command(flatten)]
        place: In,
        /// Its id, as `work list` shows it
        id: String,
    },
}

impl Work {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = |place: &In| format!("{}/work", routes::environment(&place.environment));
        match self {
            Self::List { place } => {
                let list = context.client()?.list(&path(&place), usize::MAX)?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("ID", "/id", Plain),
                            ("WHAT", "/task", Plain),
                            ("BY", "/actor", Plain),
                            ("BEGUN", "/begun_at", Time),
                            ("DONE", "/done", Number),
                            ("OF", "/total", Number),
                            ("UNIT", "/unit", Plain),
                        ],
                    )
                })?;
            }
            Self::Cancel { place, id } => {
                let path = format!("{}/{}", path(&place), encoded(&id));
                let work = context.client()?.send(Method::DELETE, &path, &[], None)?.json()?;
                context.show(&work, |out| {
                    let (done, total) = (number(&work, "/done"), number(&work, "/total"));
                    let (task, unit) = (at(&work, "/task"), at(&work, "/unit"));
                    Ok(writeln!(out, "cancelled the {task} at {done} of {total} {unit}")?)
                })?;
            }
        }
        Ok(Exit::Done)
    }
}
