//! `greenroom secrets`.

use std::io::{self, IsTerminal, Read};

use anyhow::{Context as _, Result, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use ureq::http::Method;

use crate::{
    arguments::In,
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{
        Column::{Plain, Time},
        Table,
    },
};

/// Secrets: the program declares them, each environment seals its own value; nobody reads it back
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Secrets {
    /// Set a secret: its value is read from standard input
    ///
    /// For example `greenroom secrets set -e live hook < hook.txt`. One line break at the end is left out.
    Set {
        #[command(flatten)]
        place: In,
        /// Its key
        key: String,
        /// The value itself. It then stands in the shell's history and in the list of processes: only for tests
        #[arg(long, value_name = "TEXT")]
        insecure_value: Option<String>,
    },
    /// Forget a secret's value
    Unset {
        #[command(flatten)]
        place: In,
        /// Its key
        key: String,
    },
    /// List secrets and whether they are set (never their values)
    List {
        #[command(flatten)]
        place: In,
    },
}

impl Secrets {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        let path = |place: &In| format!("{}/secrets", routes::environment(&place.environment));
        let (place, key, method, body) = match self {
            Self::List { place } => {
                let list = client.list(&path(&place), usize::MAX)?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("SECRET", "/key", Plain),
                            ("DECLARED", "/declared", Plain),
                            ("SET", "/set_at", Time),
                        ],
                    )
                })?;
                return Ok(Exit::Done);
            }
            Self::Set { place, key, insecure_value } => {
                let value = match insecure_value {
                    Some(value) => value,
                    None => ask(context, &key)?,
                };
                (place, key, Method::PUT, Some(json!({ "value": value })))
            }
            Self::Unset { place, key } => (place, key, Method::DELETE, None),
        };
        let tag = client.get_tagged(&path(&place))?.tag.unwrap_or_default();
        let one = format!("{}/{}", path(&place), encoded(&key));
        let did = if body.is_some() { "set" } else { "unset" };
        let changed = client.send(method, &one, &[("if-match", &tag)], body.as_ref())?.json()?;
        context.show(&changed, |out| Ok(writeln!(out, "{did} {key} in {}", place.environment)?))?;
        Ok(Exit::Done)
    }
}

fn ask(context: &mut Context, key: &str) -> Result<String> {
    let mut value = String::new();
    let reading = "reading the value from standard input";
    if io::stdin().is_terminal() {
        context.note(&format!("Type the value of {key}, then Enter. It is not shown."))?;
        let _silent = Silent::begin().context("keeping the terminal from showing what is typed")?;
        io::stdin().read_line(&mut value).context(reading)?;
    } else {
        io::stdin().read_to_string(&mut value).context(reading)?;
    }
    let value = value.strip_suffix('\n').map_or(&*value, |value| value.strip_suffix('\r').unwrap_or(value));
    if value.is_empty() {
        bail!("standard input was empty; pipe the secret's value in");
    }
    Ok(value.to_owned())
}

/// The terminal, for as long as it does not show what is typed.
struct Silent(Termios);

impl Silent {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
