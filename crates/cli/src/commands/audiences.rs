//! `greenroom audiences`.

use anyhow::Result;

use crate::{
    arguments::{In, Much},
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{
        Column::{Number, Plain, Time},
        Table,
    },
};

/// Audiences and how many members they have; with a key, the members of that one
#[derive(Debug, clap::Args)]
pub(crate) struct Audiences {
    #[command(flatten)]
    place: In,
    /// An audience's key
    audience: Option<String>,
    #[command(flatten)]
    much: Much,
}

impl Audiences {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = format!("{}/audiences", routes::environment(&self.place.environment));
        let client = context.client()?;
        if let Some(audience) = &self.audience {
            let list = client.list(&format!("{path}/{}/members", encoded(audience)), self.much.rows())?;
            context.list(&list, || {
                Table::of(&list, &[("PROFILE", "/profile", Plain), ("SINCE", "/since", Time)])
            })?;
            return Ok(Exit::Done);
        }
        let list = client.list(&path, self.much.rows())?;
        context.list(&list, || {
            Table::of(
                &list,
                &[
                    ("AUDIENCE", "/key", Plain),
                    ("MEMBERS", "/members", Number),
                    ("CONDITION", "/condition", Plain),
                ],
            )
        })?;
        Ok(Exit::Done)
    }
}
