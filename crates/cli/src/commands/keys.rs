//! `greenroom keys`.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::json;
use ureq::http::Method;

use super::span;
use crate::{
    arguments::In,
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{
        Column::{Plain, Time},
        Table,
        text::at,
    },
};

/// Keys by which machines reach one environment
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Keys {
    /// Make a key; its text is shown this once
    Create {
        #[command(flatten)]
        place: In,
        /// What for: wk (events from servers), pk (events from browsers), sk (the admin API)
        #[arg(long, value_parser = ["wk", "pk", "sk"])]
        kind: String,
        /// A name for people
        name: String,
        /// For sk, repeated: read, members, configure, promote, operate, or * for all
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// When it ends: a time, or a span from now like 90d
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// List keys (never their text)
    List {
        #[command(flatten)]
        place: In,
    },
    /// Revoke a key; requests with it are refused from now on
    Revoke {
        #[command(flatten)]
        place: In,
        /// The key's id, as `keys list` shows it
        id: String,
    },
}

impl Keys {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        let path = |place: &In| format!("{}/keys", routes::environment(&place.environment));
        match self {
            Self::Create { place, kind, name, scopes, expires } => {
                let expires_at = expires
                    .map(|when| span::moment_or_span(&when, Timestamp::now()).map_err(|why| anyhow!(why)))
                    .transpose()?;
                let body = json!({"kind": kind, "name": name, "scopes": scopes, "expires_at": expires_at});
                let created = client.post(&path(&place), &body)?;
                context.show(&created, |out| {
                    // Alone on its line, so that a script can take it.
                    writeln!(out, "{}", at(&created, "/token"))?;
                    Ok(())
                })?;
                context.note(&format!(
                    "made {} `{name}` for {}; the text above is shown this once: keep it safe",
                    at(&created, "/key/id"),
                    place.environment
                ))?;
            }
            Self::List { place } => {
                let list = client.list(&path(&place), usize::MAX)?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("ID", "/id", Plain),
                            ("KIND", "/kind", Plain),
                            ("NAME", "/name", Plain),
                            ("SCOPES", "/scopes", Plain),
                            ("ENDS IN", "/hint", Plain),
                            ("MADE", "/made_at", Time),
                            ("EXPIRES", "/expires_at", Time),
                            ("REVOKED", "/revoked_at", Time),
                        ],
                    )
                })?;
            }
            Self::Revoke { place, id } => {
                let path = format!("{}/{}", path(&place), encoded(&id));
                let revoked = client.send(Method::DELETE, &path, &[], None)?.json()?;
                context
                    .show(&revoked, |out| Ok(writeln!(out, "revoked {id} ({})", at(&revoked, "/name"))?))?;
            }
        }
        Ok(Exit::Done)
    }
}
