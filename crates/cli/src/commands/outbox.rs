//! `greenroom outbox`.

use anyhow::Result;

use crate::{
    arguments::{In, Much},
    client::routes,
    context::Context,
    exit::Exit,
    output::{
        Column::{Plain, Time},
        Table,
    },
};

/// What would be sent, newest first; so far it is only recorded
#[derive(Debug, clap::Args)]
pub(crate) struct Outbox {
    #[command(flatten)]
    place: In,
    #[command(flatten)]
    much: Much,
}

impl Outbox {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = format!("{}/outbox", routes::environment(&self.place.environment));
        let list = context.client()?.list(&path, self.much.rows())?;
        context.list(&list, || {
            Table::of(
                &list,
                &[
                    ("AT", "/at", Time),
                    ("CHANNEL", "/channel", Plain),
                    ("STATUS", "/status", Plain),
                    ("PROFILE", "/profile", Plain),
                    ("WHAT", "/payload", Plain),
                ],
            )
        })?;
        Ok(Exit::Done)
    }
}
