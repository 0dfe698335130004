//! `greenroom rehearsals`.

use anyhow::Result;

use crate::{
    arguments::{In, Much},
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{
        Column::{Hash, Plain, Time},
        Format, Table, rehearsal,
        text::{at, moment},
    },
};

/// Reports of the rehearsals that were done on an environment's history; the newest 100 are kept
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Rehearsals {
    /// List them, newest first
    List {
        #[command(flatten)]
        place: In,
        #[command(flatten)]
        much: Much,
    },
    /// Show one, as `rehearse` showed it
    ///
    /// What it said of members who have been erased since is gone from it.
    Show {
        #[command(flatten)]
        place: In,
        /// Its id, as `rehearse` or `rehearsals list` shows it
        id: String,
    },
}

impl Rehearsals {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = |place: &In| format!("{}/rehearsals", routes::environment(&place.environment));
        match self {
            Self::List { place, much } => {
                let list = context.client()?.list(&path(&place), much.rows())?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("ID", "/id", Plain),
                            ("AT", "/at", Time),
                            ("BY", "/actor", Plain),
                            ("TRUSTED", "/trusted", Plain),
                            ("CURRENT", "/current", Hash),
                            ("CANDIDATE", "/candidate", Hash),
                            ("PLAN", "/digest", Hash),
                            ("SINCE", "/since", Time),
                            ("UNTIL", "/until", Time),
                        ],
                    )
                })?;
            }
            Self::Show { place, id } => {
                let client = context.client()?;
                let report = client.get(&format!("{}/{}", path(&place), encoded(&id)))?;
                let amounts = context.amounts(&client, &place.environment)?.with_those_of(&report);
                if context.global.output == Format::Markdown {
                    write!(context.out, "{}", rehearsal::markdown(&report, &amounts))?;
                    context.out.flush()?;
                    return Ok(Exit::Done);
                }
                context.show(&report, |out| {
                    let (id, by) = (at(&report, "/id"), at(&report, "/actor"));
                    writeln!(out, "{id}, {} by {by}", moment(&report, "/at"))?;
                    Ok(write!(out, "{}", rehearsal::text(&report, &amounts))?)
                })?;
            }
        }
        Ok(Exit::Done)
    }
}
