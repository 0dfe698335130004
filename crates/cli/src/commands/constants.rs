//! `greenroom constants`.

use anyhow::Result;
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    arguments::In,
    client::{
        Client,
        routes::{self, encoded},
    },
    context::Context,
    exit::Exit,
    output::{Column::Plain, Table, text::at},
};

/// Constants: the program declares them, each environment sets its own value
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Constants {
    /// Set a constant's value here
    Set {
        #[command(flatten)]
        place: In,
        /// Its key
        key: String,
        /// Its value: true, 2, 1.5, or a text; what the program declares decides
        value: String,
        /// Take the value as text, whatever it looks like
        #[arg(long)]
        text: bool,
    },
    /// Unset it: the program's default holds again
    Unset {
        #[command(flatten)]
        place: In,
        /// Its key
        key: String,
    },
    /// List constants with their values here
    List {
        #[command(flatten)]
        place: In,
    },
}

impl Constants {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        match self {
            Self::Set { place, key, value, text } => {
                let body = json!({ "value": read(&value, text) });
                change(context, &client, &place, &key, Method::PUT, Some(&body))?;
            }
            Self::Unset { place, key } => change(context, &client, &place, &key, Method::DELETE, None)?,
            Self::List { place } => {
                let list = client.list(&path(&place), usize::MAX)?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("CONSTANT", "/key", Plain),
                            ("VALUE HERE", "/value", Plain),
                            ("DEFAULT", "/default", Plain),
                            ("DECLARED", "/declared", Plain),
                        ],
                    )
                })?;
            }
        }
        Ok(Exit::Done)
    }
}

/// Whole JSON is JSON; anything else is a text.
fn read(value: &str, text: bool) -> Value {
    if text {
        return Value::from(value);
    }
    serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))
}

fn path(place: &In) -> String {
    format!("{}/constants", routes::environment(&place.environment))
}

fn change(
    context: &mut Context,
    client: &Client,
    place: &In,
    key: &str,
    method: Method,
    body: Option<&Value>,
) -> Result<()> {
    // The change says which state it starts from; between here and there nobody may have moved it.
    let tag = client.get_tagged(&path(place))?.tag.unwrap_or_default();
    let one = format!("{}/{}", path(place), encoded(key));
    let changed = client.send(method, &one, &[("if-match", &tag)], body)?.json()?;
    context.show(&changed, |out| {
        let did = if body.is_some() { "set" } else { "unset" };
        Ok(writeln!(out, "{did} {key} in {}, from epoch {} on", place.environment, at(&changed, "/epoch"))?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_they_are_typed() {
        for (typed, text, expected) in [
            ("2", false, json!(2)),
            ("true", false, json!(true)),
            ("gold", false, json!("gold")),
            ("2", true, json!("2")),
            ("\"2\"", false, json!("2")),
        ] {
            assert_eq!(read(typed, text), expected, "{typed}");
        }
        assert_eq!(read("1.10", false).to_string(), "1.10");
    }
}
