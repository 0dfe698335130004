//! `greenroom switch`.

use anyhow::Result;
use serde_json::json;
use ureq::http::Method;

use crate::{
    arguments::In,
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{Column::Plain, Table, text::at},
};

/// Reactors are switched per environment; a switch survives promotions
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Switch {
    /// Let a reactor fire again
    On {
        #[command(flatten)]
        place: In,
        /// The reactor's key
        reactor: String,
    },
    /// Stop a reactor from firing, at once
    Off {
        #[command(flatten)]
        place: In,
        /// The reactor's key
        reactor: String,
    },
    /// List reactors and their switches
    List {
        #[command(flatten)]
        place: In,
    },
}

impl Switch {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        let path = |place: &In| format!("{}/switches", routes::environment(&place.environment));
        let (place, reactor, on) = match self {
            Self::On { place, reactor } => (place, reactor, true),
            Self::Off { place, reactor } => (place, reactor, false),
            Self::List { place } => {
                let list = client.list(&path(&place), usize::MAX)?;
                context.list(&list, || {
                    Table::of(&list, &[("REACTOR", "/reactor", Plain), ("ON", "/on", Plain)])
                })?;
                return Ok(Exit::Done);
            }
        };
        let tag = client.get_tagged(&path(&place))?.tag.unwrap_or_default();
        let one = format!("{}/{}", path(&place), encoded(&reactor));
        let body = json!({ "on": on });
        let changed = client.send(Method::PUT, &one, &[("if-match", &tag)], Some(&body))?.json()?;
        context.show(&changed, |out| {
            let now = if on { "on" } else { "off" };
            let epoch = at(&changed, "/epoch");
            Ok(writeln!(out, "switched {reactor} {now} in {}, from epoch {epoch} on", place.environment)?)
        })?;
        Ok(Exit::Done)
    }
}
