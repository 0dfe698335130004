//! `greenroom revisions`.

use anyhow::Result;

use crate::{
    arguments::{In, Much},
    client::routes,
    context::Context,
    exit::Exit,
    output::{
        Column::{Hash, Plain, Time},
        Table,
    },
};

/// Revisions of an environment's program, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Revisions {
    #[command(flatten)]
    place: In,
    #[command(flatten)]
    much: Much,
}

impl Revisions {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = format!("{}/revisions", routes::environment(&self.place.environment));
        let list = context.client()?.list(&path, self.much.rows())?;
        context.list(&list, || {
            Table::of(
                &list,
                &[
                    ("REVISION", "/id", Hash),
                    ("HEAD", "/head", Plain),
                    ("MADE", "/made_at", Time),
                    ("AUTHOR", "/author", Plain),
                    ("MESSAGE", "/message", Plain),
                ],
            )
        })?;
        Ok(Exit::Done)
    }
}
