//! `greenroom audit`.

use anyhow::Result;

use crate::{
    arguments::{In, Much},
    client::routes,
    context::Context,
    exit::Exit,
    output::{
        Column::{Number, Plain, Time},
        Table,
    },
};

/// Who changed what in an environment, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    place: In,
    #[command(flatten)]
    much: Much,
}

impl Audit {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = format!("{}/audit", routes::environment(&self.place.environment));
        let list = context.client()?.list(&path, self.much.rows())?;
        context.list(&list, || {
            Table::of(
                &list,
                &[
                    ("EPOCH", "/epoch", Number),
                    ("AT", "/at", Time),
                    ("WHO", "/actor", Plain),
                    ("WHAT", "/what/change", Plain),
                    ("MESSAGE", "/message", Plain),
                ],
            )
        })?;
        Ok(Exit::Done)
    }
}
