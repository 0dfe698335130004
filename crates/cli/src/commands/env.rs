//! `greenroom env`.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    client::routes,
    context::Context,
    exit::Exit,
    output::{
        Column::{Hash, Number, Plain, Time},
        Table,
        text::{at, moment, number, short},
    },
};

/// Environments: one is live, any number are for tests
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Env {
    /// List environments
    List,
    /// Make a test environment, empty or with another's configuration
    ///
    /// Only configuration is copied: no members, events, keys, constants' values or secrets.
    Create {
        /// Lower-case letters, digits, `-` and `_`, beginning with a letter
        name: String,
        /// Begin with the configuration of this environment
        #[arg(long, value_name = "ENV")]
        from: Option<String>,
    },
    /// List the processes that serve an environment, and what each alone does for all
    Nodes {
        /// The environment
        name: String,
    },
    /// Show an environment and how it is doing
    Show {
        /// The environment
        name: String,
    },
}

impl Env {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        match self {
            Self::List => {
                let list = client.list_everywhere("/admin/v1/environments")?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("NAME", "/name", Plain),
                            ("KIND", "/kind", Plain),
                            ("HEAD", "/head", Hash),
                            ("EPOCH", "/epoch", Number),
                            ("NOW", "/now", Time),
                        ],
                    )
                })?;
            }
            Self::Create { name, from } => {
                let created = client.post("/admin/v1/environments", &json!({"name": name, "from": from}))?;
                context.show(&created, |out| {
                    writeln!(out, "made the test environment {name}")?;
                    match from {
                        Some(from) if at(&created, "/environment/head") != "-" => {
                            writeln!(out, "it has the configuration of {from}")?;
                        }
                        _ => writeln!(out, "it is empty; fill it with `greenroom apply DIR --to {name}`")?,
                    }
                    Ok(())
                })?;
                let blockers = created.get("blockers").and_then(Value::as_array).cloned().unwrap_or_default();
                if !blockers.is_empty() {
                    context.note("it does not have the configuration yet, because:")?;
                    for blocker in &blockers {
                        context.note(&format!("  - {}", crate::output::text::cell(blocker)))?;
                    }
                    return Ok(Exit::Blocked);
                }
            }
            Self::Nodes { name } => {
                let list = client.list(&format!("{}/nodes", routes::environment(&name)), usize::MAX)?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("NAME", "/name", Plain),
                            ("EPOCH", "/epoch", Number),
                            ("SINCE", "/started_at", Time),
                            ("SEEN", "/seen_at", Time),
                            ("DUTIES", "/duties", Plain),
                        ],
                    )
                })?;
            }
            Self::Show { name } => {
                let detail = client.get(&routes::environment(&name))?;
                let amounts = context.amounts(&client, &name)?;
                context.show(&detail, |out| {
                    writeln!(
                        out,
                        "{} ({}), head {}, epoch {}, its time is {}",
                        at(&detail, "/environment/name"),
                        at(&detail, "/environment/kind"),
                        short(&detail, "/environment/head"),
                        at(&detail, "/environment/epoch"),
                        moment(&detail, "/environment/now"),
                    )?;
                    for (what, pointer) in [
                        ("profiles", "/profiles"),
                        ("of them under an older program", "/profiles_behind"),
                        ("records", "/records"),
                        ("events waiting", "/queue_depth"),
                        ("bytes on disk", "/bytes"),
                    ] {
                        writeln!(out, "  {what}: {}", number(&detail, pointer))?;
                    }
                    let fields = |pointer: &str| {
                        detail.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
                    };
                    for (audience, members) in fields("/audiences") {
                        let members = number(&members, "");
                        writeln!(out, "  audience {audience}: {members} members")?;
                    }
                    for (currency, accounts) in fields("/accounts") {
                        let mut table = Table::new(&["ACCOUNT", "SUM"]);
                        for (account, sum) in accounts.as_object().cloned().unwrap_or_default() {
                            table.push([account, amounts.at(&currency, &sum, "")]);
                        }
                        writeln!(out, "\ncurrency {}", amounts.named(&currency))?;
                        write!(out, "{table}")?;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(Exit::Done)
    }
}
