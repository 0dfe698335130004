//! `greenroom send`.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use ureq::http::Method;

use crate::{
    arguments::In,
    client::{Client, Refusal, routes},
    context::Context,
    exit::Exit,
    output::{
        Amounts,
        text::{at, cell},
    },
};

/// Send one event, and see what becomes of it
///
/// By the same road as the shop's events. The key it needs is made once and kept beside the data folder's
/// token; with a server elsewhere, give one with --key.
///
/// For example: `greenroom send -e staging --user u-1 --event "Order Completed" --property order_id=A1
/// --property total=29.50`
#[derive(Debug, clap::Args)]
pub(crate) struct Send {
    #[command(flatten)]
    place: In,
    /// The call: track, identify, page, screen, group, alias
    #[arg(long = "type", value_name = "TYPE", default_value = "track",
        value_parser = ["track", "identify", "page", "screen", "group", "alias"])]
    kind: String,
    /// The event's name, e.g. "Order Completed"
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// The known customer's id (userId)
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// The anonymous id
    #[arg(long, value_name = "ID")]
    anonymous: Option<String>,
    /// Alias: the id that --user is another name of
    #[arg(long, value_name = "ID")]
    previous: Option<String>,
    /// A property: a number, true, false or JSON is taken as such, anything else as text (repeated)
    #[arg(long = "property", short = 'p', value_name = "NAME=VALUE", value_parser = pair)]
    properties: Vec<(String, Value)>,
    /// A trait, for identify and group (repeated)
    #[arg(long = "trait", value_name = "NAME=VALUE", value_parser = pair)]
    traits: Vec<(String, Value)>,
    /// When it happened; now when left out
    #[arg(long, value_name = "TIME", value_parser = super::span::moment_utc)]
    at: Option<jiff::Timestamp>,
    /// Its id: the same id has one effect for ever; made up when left out
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    /// The whole event as JSON instead of the options above
    #[arg(long, value_name = "JSON", conflicts_with_all = ["event", "user", "anonymous", "previous", "properties", "traits", "at", "message_id"])]
    json: Option<String>,
    /// A write key (wk_) of the environment
    #[arg(long, env = "GREENROOM_WRITE_KEY", value_name = "KEY", hide_env_values = true)]
    key: Option<String>,
}

fn pair(text: &str) -> Result<(String, Value), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`; write it like total=29.50"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

impl Send {
    pub(crate) fn run(mut self, context: &mut Context) -> Result<Exit> {
        let given = self.key.take();
        let own = given.is_none();
        let key = match given {
            Some(key) => key,
            None => key(context, &self.place.environment)?,
        };
        let environment = self.place.environment.clone();
        let message = self.message()?;
        let body = json!({ "batch": [message] });
        let send = |client: &Client| {
            client.send(Method::POST, "/v1/batch", &[("greenroom-report", "1")], Some(&body))
        };
        let answer = match send(&context.collector(key)?) {
            // Somebody revoked the key we keep: make another, once.
            Err(error) if own && is_unauthorized(&error) => {
                forget(context, &environment)?;
                let key = self::key(context, &environment)?;
                send(&context.collector(key)?)?
            }
            answer => answer?,
        };
        let report = answer.json()?;
        let item = report.pointer("/items/0").cloned().unwrap_or_default();
        // Who has only a write key sees smallest units.
        let amounts = context.client().and_then(|client| context.amounts(&client, &environment));
        let amounts = amounts.unwrap_or_default();
        context.show(&item, |out| Ok(write!(out, "{}", told(&item, &environment, &amounts))?))?;
        Ok(Exit::Done)
    }

    fn message(self) -> Result<Value> {
        if let Some(text) = self.json {
            return serde_json::from_str(&text).context("--json is not JSON");
        }
        if self.kind == "track" && self.event.is_none() {
            bail!("say which event with --event, e.g. --event \"Order Completed\"");
        }
        if self.user.is_none() && self.anonymous.is_none() {
            bail!("say whose event it is with --user or --anonymous");
        }
        let mut message = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                message.insert(name.into(), value);
            }
        };
        let object = |pairs: Vec<(String, Value)>| {
            (!pairs.is_empty()).then(|| Value::Object(pairs.into_iter().collect()))
        };
        put("type", Some(json!(self.kind)));
        let name = if self.kind == "track" { "event" } else { "name" };
        put(name, self.event.map(Value::from));
        put("userId", self.user.map(Value::from));
        put("anonymousId", self.anonymous.map(Value::from));
        put("previousId", self.previous.map(Value::from));
        put("properties", object(self.properties));
        put("traits", object(self.traits));
        put("timestamp", self.at.map(|at| json!(at)));
        put("messageId", self.message_id.map(Value::from));
        Ok(Value::Object(message))
    }
}

/// What became of it, as people read it.
fn told(item: &Value, environment: &str, amounts: &Amounts) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let id = at(item, "/message_id");
    let _ = match at(item, "/outcome").as_str() {
        "decided" => {
            let _ = writeln!(
                out,
                "decided for profile {} (record {}, epoch {})",
                at(item, "/profile"),
                at(item, "/n"),
                at(item, "/epoch")
            );
            let fired = item.get("fired").and_then(Value::as_array).filter(|fired| !fired.is_empty());
            let _ = match fired {
                Some(fired) => writeln!(out, "  fired: {}", cell(&Value::Array(fired.clone()))),
                None => writeln!(out, "  no reactor fired"),
            };
            for points in item.get("points").and_then(Value::as_array).into_iter().flatten() {
                let currency = at(points, "/0");
                let named = amounts.named(&currency);
                let _ = writeln!(out, "  {} {named}", amounts.at(&currency, points, "/1"));
            }
            problems(item, "warnings", &mut out);
            writeln!(out, "  why: greenroom explain -e {environment} {id}")
        }
        "duplicate" => match at(item, "/by").as_str() {
            "message_id" => writeln!(
                out,
                "a duplicate by message_id: it had its effect before\n  which: greenroom explain -e {environment} {id}"
            ),
            by => writeln!(
                out,
                "a duplicate by {by}: another had its effect before\n  which: greenroom explain -e {environment} --unique EVENT VALUE"
            ),
        },
        "quarantined" => {
            let _ = writeln!(out, "put into quarantine ({})", at(item, "/code"));
            problems(item, "problems", &mut out);
            writeln!(
                out,
                "  once the program or the sender is mended: greenroom quarantine replay -e {environment} --all"
            )
        }
        other => writeln!(out, "{other}"),
    };
    out
}

fn problems(item: &Value, name: &str, out: &mut String) {
    use std::fmt::Write as _;
    for problem in item.get(name).and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(out, "  {}: {}", at(problem, "/pointer"), at(problem, "/detail"));
    }
}

fn is_unauthorized(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.status == 401)
}

fn key_file(context: &Context, environment: &str) -> PathBuf {
    context.global.data.join("send-keys").join(routes::encoded(environment))
}

fn forget(context: &Context, environment: &str) -> Result<()> {
    let path = key_file(context, environment);
    fs::remove_file(&path).with_context(|| format!("deleting {}", path.display()))
}

/// The write key that this command keeps in the data folder; made when there is none.
fn key(context: &Context, environment: &str) -> Result<String> {
    if context.global.server.is_some() {
        bail!(
            "give a write key of {environment} with --key or GREENROOM_WRITE_KEY; `greenroom keys create -e {environment} --kind wk NAME` makes one"
        );
    }
    let path = key_file(context, environment);
    match fs::read_to_string(&path) {
        Ok(key) => return Ok(key.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    }
    let body = json!({"kind": "wk", "name": "greenroom send", "scopes": []});
    let made = context.client()?.post(&format!("{}/keys", routes::environment(environment)), &body)?;
    let token = made.get("token").and_then(Value::as_str).ok_or_else(|| anyhow!("the server made no key"))?;
    let doing = || format!("writing {}", path.display());
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(doing)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(doing)?;
    writeln!(file, "{token}").with_context(doing)?;
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        send: Send,
    }

    fn message(line: &[&str]) -> Result<Value> {
        let words = ["send", "-e", "x"].iter().chain(line);
        Line::try_parse_from(words)?.send.message()
    }

    #[test]
    fn an_event_from_flags() -> Result<()> {
        let got = message(&[
            "--user",
            "u-1",
            "--event",
            "Order Completed",
            "-p",
            "total=29.50",
            "-p",
            "order_id=A1",
            "-p",
            "gift=true",
            "--at",
            "1997-01-05",
        ])?;
        let expected = r#"{"event":"Order Completed","properties":{"gift":true,"order_id":"A1","total":29.50},"timestamp":"1997-01-05T00:00:00Z","type":"track","userId":"u-1"}"#;
        assert_eq!(got.to_string(), expected);
        for wrong in [&["--event", "x"][..], &["--user", "u"], &["--json", "{"], &["--user", "u", "-p", "x"]]
        {
            assert!(message(wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }

    #[test]
    fn what_became_of_it() {
        let item = json!({"message_id": "m", "outcome": "decided", "profile": "p", "n": 1, "epoch": 3,
            "fired": ["points_for_orders"], "points": [["points", 29]], "warnings": []});
        let said = told(&item, "live", &crate::output::amounts_with("points", 0));
        assert!(said.contains("fired: points_for_orders") && said.contains("29 points"), "{said}");
        let item = json!({"outcome": "quarantined", "code": "schema",
            "problems": [{"pointer": "/properties/total", "detail": "is a text"}]});
        assert!(told(&item, "live", &Amounts::default()).contains("/properties/total: is a text"));
    }

    #[test]
    fn a_duplicate_says_where_its_effect_is_found() {
        for (by, expected) in [
            ("message_id", "greenroom explain -e live m1\n"),
            ("properties.order_id", "greenroom explain -e live --unique EVENT VALUE\n"),
        ] {
            let item = json!({"message_id": "m1", "outcome": "duplicate", "by": by});
            let text = told(&item, "live", &Amounts::default());
            assert!(text.contains(&format!("a duplicate by {by}: ")) && text.ends_with(expected), "{text}");
        }
    }
}
