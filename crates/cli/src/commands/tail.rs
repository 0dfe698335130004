//! `greenroom tail`.

use std::io::BufRead as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    arguments::In,
    client::routes,
    context::Context,
    exit::Exit,
    output::{
        Amounts, Format,
        text::{at, moment},
    },
};

/// Follow what is being decided, live
///
/// Until Ctrl-C, or until the server stops. With --output json, one JSON object a line. Of other nodes that serve the
/// environment, what is recorded is shown, within a second: no duplicates.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    place: In,
}

impl Tail {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let path = format!("{}/tail", routes::environment(&self.place.environment));
        let client = context.client()?;
        let amounts = context.amounts(&client, &self.place.environment)?;
        let lines = client.lines(&path)?;
        context.note(&format!("following {}; Ctrl-C ends it", self.place.environment))?;
        let mut event = String::new();
        for line in lines.lines() {
            let line = line.context("the connection broke off")?;
            if let Some(name) = line.strip_prefix("event:") {
                name.trim().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data:") {
                let data = data.trim();
                match event.as_str() {
                    "missed" => context.note(&format!("missed {data} lines: too many at once"))?,
                    _ if context.global.output == Format::Table => {
                        let value: Value = serde_json::from_str(data).context("a line is not JSON")?;
                        writeln!(context.out, "{}", told(&value, &amounts))?;
                    }
                    _ => writeln!(context.out, "{data}")?,
                }
                context.out.flush()?;
            }
        }
        context.note("the server ended it")?;
        Ok(Exit::Done)
    }
}

fn told(line: &Value, amounts: &Amounts) -> String {
    let name = match at(line, "/event").as_str() {
        "-" => at(line, "/kind"),
        event => event.to_owned(),
    };
    let outcome = match at(line, "/outcome").as_str() {
        "decided" => {
            let points: Vec<String> = line
                .get("points")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|points| {
                    let currency = at(points, "/0");
                    let amount = points.pointer("/1").and_then(Value::as_i64).unwrap_or(0);
                    format!("{} {}", amounts.signed(&currency, amount), amounts.named(&currency))
                })
                .collect();
            match (points.is_empty(), at(line, "/fired").as_str()) {
                (true, "-") => "decided".to_owned(),
                (true, fired) => format!("decided ({fired})"),
                (false, fired) => format!("{} ({fired})", points.join(" ")),
            }
        }
        "duplicate" => "duplicate".into(),
        "quarantined" => format!("quarantined ({})", at(line, "/code")),
        other => other.to_owned(),
    };
    format!(
        "{}  {name}  {}  {outcome}  {}",
        moment(line, "/decided_at"),
        at(line, "/profile"),
        at(line, "/message_id")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_who_what_and_why() {
        let line = json!({"decided_at": "2026-01-01T00:00:00.5Z", "kind": "track", "event": "Order Completed",
            "message_id": "m1", "profile": "p1", "outcome": "decided", "fired": ["a"], "points": [["points", 5]]});
        let amounts = crate::output::amounts_with("points", 2);
        assert_eq!(told(&line, &amounts), "2026-01-01 00:00:00Z  Order Completed  p1  +0.05 points (a)  m1");
        let line = json!({"decided_at": "x", "kind": "identify", "outcome": "quarantined", "code": "schema"});
        assert_eq!(told(&line, &amounts), "x  identify  -  quarantined (schema)  -");
    }
}
