//! `greenroom quarantine`.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{
    arguments::{In, Much},
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{
        Column::{Plain, Time},
        Table,
        text::{at, moment, number, visible},
    },
};

/// Events that were put aside because they did not fit; nothing of them is lost
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Quarantine {
    /// List them, newest first
    List {
        #[command(flatten)]
        place: In,
        #[command(flatten)]
        much: Much,
    },
    /// Show one: the event as it came, and everything wrong with it
    Show {
        #[command(flatten)]
        place: In,
        /// Its id, as `quarantine list` shows it
        id: String,
    },
    /// Decide them again, under the program of now; what still does not fit stays
    Replay {
        #[command(flatten)]
        place: In,
        /// Their ids
        ids: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

impl Quarantine {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = |place: &In| format!("{}/quarantine", routes::environment(&place.environment));
        match self {
            Self::List { place, much } => {
                let list = context.client()?.list(&path(&place), much.rows())?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("ID", "/id", Plain),
                            ("AT", "/at", Time),
                            ("EVENT", "/event", Plain),
                            ("WHY", "/code", Plain),
                            ("WHERE", "/errors/0/pointer", Plain),
                            ("WHAT", "/errors/0/detail", Plain),
                        ],
                    )
                })?;
            }
            Self::Show { place, id } => {
                let one = context.client()?.get(&format!("{}/{}", path(&place), encoded(&id)))?;
                context.show(&one, |out| {
                    writeln!(
                        out,
                        "{}, put aside {} ({})",
                        at(&one, "/event"),
                        moment(&one, "/at"),
                        at(&one, "/code")
                    )?;
                    match moment(&one, "/released_at").as_str() {
                        "-" => {}
                        released => writeln!(out, "released {released}: it waits no longer")?,
                    }
                    for error in one.get("errors").and_then(Value::as_array).into_iter().flatten() {
                        writeln!(out, "  {}: {}", at(error, "/pointer"), at(error, "/detail"))?;
                    }
                    if let Some(item) = one.get("item").filter(|item| !item.is_null()) {
                        for line in serde_json::to_string_pretty(item)?.lines() {
                            writeln!(out, "{}", visible(line))?;
                        }
                    }
                    Ok(())
                })?;
            }
            Self::Replay { place, ids, all } => {
                if ids.is_empty() && !all {
                    bail!("say which by their ids, or --all");
                }
                let body = if all { json!({"all": true}) } else { json!({ "ids": ids }) };
                let done = context.client()?.post(&format!("{}/replay", path(&place)), &body)?;
                context.show(&done, |out| {
                    write!(
                        out,
                        "{} decided, {} duplicates, {} still do not fit",
                        number(&done, "/decided"),
                        number(&done, "/duplicate"),
                        number(&done, "/quarantined"),
                    )?;
                    if done["absent"] != 0 {
                        write!(out, ", {} are not in quarantine", number(&done, "/absent"))?;
                    }
                    Ok(writeln!(out)?)
                })?;
            }
        }
        Ok(Exit::Done)
    }
}
