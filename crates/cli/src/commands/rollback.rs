//! `greenroom rollback`.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    client::{Client, routes},
    context::Context,
    exit::Exit,
    output::text::{at, short},
};

/// Go back to an earlier revision
///
/// Makes a new revision that says what the old one said. What was decided meanwhile stays decided: no points
/// are taken back.
#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// The revision to go back to, as `revisions` lists it; its first characters are enough
    #[arg(long, value_name = "REVISION")]
    to: String,
    /// Why; kept with the change
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
}

impl Rollback {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        let path = routes::environment(&self.environment);
        let to = whole(&client, &path, &self.to)?;
        // The head as it is now: whoever moves it in between makes this stale.
        let tag = client.get_tagged(&format!("{path}/objects?limit=1"))?.tag.unwrap_or_default();
        let body = json!({"to": to, "message": self.message});
        let done = client
            .send(Method::POST, &format!("{path}/rollback"), &[("if-match", &tag)], Some(&body))?
            .json()?;
        context.show(&done, |out| {
            Ok(writeln!(
                out,
                "{} says again what revision {} said; it is now at {} from epoch {} on",
                self.environment,
                to.chars().take(12).collect::<String>(),
                short(&done, "/revision"),
                at(&done, "/epoch"),
            )?)
        })?;
        Ok(Exit::Done)
    }
}

/// The whole id that begins with these characters.
fn whole(client: &Client, path: &str, begin: &str) -> Result<String> {
    if begin.len() == 64 {
        return Ok(begin.to_owned());
    }
    let list = client.list(&format!("{path}/revisions"), usize::MAX)?;
    pick(&list, begin)
}

fn pick(list: &Value, begin: &str) -> Result<String> {
    let ids = list.get("data").and_then(Value::as_array).into_iter().flatten();
    let ids: Vec<&str> = ids
        .filter_map(|row| row.get("id").and_then(Value::as_str))
        .filter(|id| begin.len() >= 4 && id.starts_with(begin))
        .collect();
    match ids.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => bail!(
            "no revision begins with `{begin}` (give at least 4 characters); `greenroom revisions` lists them"
        ),
        _ => bail!("{} revisions begin with `{begin}`; give more of it", ids.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_revision_is_enough() {
        let list = json!({"data": [{"id": "abcd1"}, {"id": "abcd2"}, {"id": "ffff1"}]});
        assert_eq!(pick(&list, "ffff").ok().as_deref(), Some("ffff1"));
        for wrong in ["abcd", "fff", "0000", ""] {
            assert!(pick(&list, wrong).is_err(), "{wrong}");
        }
    }
}
