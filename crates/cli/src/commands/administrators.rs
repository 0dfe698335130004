//! `greenroom administrators`.

use anyhow::Result;
use serde_json::json;
use ureq::http::Method;

use crate::{
    client::routes::encoded,
    context::Context,
    exit::Exit,
    output::{
        Column::{Plain, Time},
        Table,
        text::at,
    },
};

const PATH: &str = "/admin/v1/administrators";

/// Administrators: who may do everything in every environment
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Administrators {
    /// Make an administrator; the token is shown this once
    ///
    /// One for each person: what they do is recorded under their name.
    Create {
        /// Who it is
        name: String,
    },
    /// List administrators (never their tokens)
    List,
    /// Revoke an administrator; requests with the token are refused from now on
    Revoke {
        /// The administrator's id, as `administrators list` shows it
        id: String,
    },
}

impl Administrators {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        match self {
            Self::Create { name } => {
                let created = client.post(PATH, &json!({"name": name}))?;
                context.show(&created, |out| {
                    // Alone on its line, so that a script can take it.
                    writeln!(out, "{}", at(&created, "/token"))?;
                    Ok(())
                })?;
                let id = at(&created, "/administrator/id");
                context
                    .note(&format!("made {id} `{name}`; the text above is shown this once: keep it safe"))?;
            }
            Self::List => {
                let list = client.list(PATH, usize::MAX)?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("ID", "/id", Plain),
                            ("NAME", "/name", Plain),
                            ("ENDS IN", "/hint", Plain),
                            ("MADE", "/made_at", Time),
                            ("REVOKED", "/revoked_at", Time),
                        ],
                    )
                })?;
            }
            Self::Revoke { id } => {
                let path = format!("{PATH}/{}", encoded(&id));
                let revoked = client.send(Method::DELETE, &path, &[], None)?.json()?;
                context
                    .show(&revoked, |out| Ok(writeln!(out, "revoked {id} ({})", at(&revoked, "/name"))?))?;
            }
        }
        Ok(Exit::Done)
    }
}
