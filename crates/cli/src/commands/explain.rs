//! `greenroom explain`.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use crate::{
    arguments::In,
    client::routes::{self, encoded},
    context::Context,
    exit::Exit,
    output::{
        Amounts,
        text::{at, moment, short, visible},
        trace,
    },
};

/// Why an event, or any other record of a member, came out as it did
///
/// Which reactors were considered, what their conditions saw, what stopped them, what was posted, and under
/// which revision. Work that became due, merges, upgrades and orders by hand came with no messageId: name those by
/// their address PROFILE/N, the member's id and the N that `profile show` lists. An event that was a duplicate by its
/// event type's `unique_by` left nothing under its own id: ask for the one it repeats with --unique.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    place: In,
    /// The event's messageId, or a record's address PROFILE/N
    #[arg(value_name = "EVENT_ID", required_unless_present = "unique")]
    id: Option<String>,
    /// The event that was the first with a unique value, e.g. `--unique "Order Completed" 1001`
    #[arg(long, num_args = 2, value_names = ["EVENT", "VALUE"], conflicts_with = "id")]
    unique: Vec<String>,
}

impl Explain {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let (under, parts) = match &self.id {
            Some(id) => ("events", std::slice::from_ref(id)),
            None => ("unique", &*self.unique),
        };
        let parts: Vec<String> = parts.iter().map(|part| encoded(part)).collect();
        let path = format!("{}/{under}/{}", routes::environment(&self.place.environment), parts.join("/"));
        let client = context.client()?;
        let explanation = client.get(&path)?;
        let amounts = context.amounts(&client, &self.place.environment)?;
        context.show(&explanation, |out| told(&explanation, &amounts, out))?;
        Ok(Exit::Done)
    }
}

fn told(explanation: &Value, amounts: &Amounts, out: &mut dyn Write) -> Result<()> {
    if let Some(quarantined) = explanation.get("quarantined").filter(|it| !it.is_null()) {
        let released = moment(quarantined, "/released_at");
        let until = if released == "-" { String::new() } else { format!(" until {released}") };
        let code = at(quarantined, "/code");
        writeln!(out, "in quarantine since {}{until} ({code})", moment(quarantined, "/at"))?;
        for error in quarantined.get("errors").and_then(Value::as_array).into_iter().flatten() {
            writeln!(out, "  {}: {}", at(error, "/pointer"), at(error, "/detail"))?;
        }
        match released.as_str() {
            "-" => writeln!(out, "  it is {} there; replay it once it fits", at(quarantined, "/id"))?,
            _ => writeln!(
                out,
                "  it was released and had no effect: what is unique of it had been counted before, under another messageId"
            )?,
        }
        return Ok(());
    }
    if let Some(duplicate) = explanation.get("duplicate").filter(|it| !it.is_null()) {
        writeln!(
            out,
            "a duplicate by {}: it waited in quarantine, and when it was released ({}) record {} had its effect:\n",
            at(duplicate, "/by"),
            moment(duplicate, "/released_at"),
            at(duplicate, "/of"),
        )?;
    }
    let record = explanation.get("record").cloned().unwrap_or_default();
    let what = match at(&record, "/event").as_str() {
        "-" => at(&record, "/kind"),
        event => format!("{} {event}", at(&record, "/kind")),
    };
    let message = match at(&record, "/message_id").as_str() {
        "-" => String::new(),
        id => format!(", message {id}"),
    };
    writeln!(out, "{what} of profile {}, record {}{message}", at(&record, "/profile"), at(&record, "/n"))?;
    writeln!(
        out,
        "happened {}, decided {} under revision {} (epoch {})",
        moment(&record, "/occurred_at"),
        moment(&record, "/decided_at"),
        short(explanation, "/revision"),
        at(&record, "/epoch"),
    )?;
    if let Some(properties) = explanation.pointer("/message/properties") {
        writeln!(out, "properties {}", visible(&properties.to_string()))?;
    }
    if let Some(order) = record.get("order").and_then(Value::as_str) {
        writeln!(out, "ordered by {}", visible(order))?;
    }
    for merge in explanation.get("merges").and_then(Value::as_array).into_iter().flatten() {
        let out_by = at(merge, "/out");
        writeln!(out, "merged a profile: moved out by {out_by}, taken in by {}", at(merge, "/taken_in"))?;
    }
    writeln!(out, "\nreactors considered:")?;
    match explanation.get("trace").filter(|trace| !trace.is_null()) {
        Some(found) => {
            for line in trace::lines(found) {
                writeln!(out, "  {line}")?;
            }
        }
        None => writeln!(out, "  not known any more: {}", at(explanation, "/no_trace"))?,
    }
    let notes = explanation.get("trace").map(trace::notes).unwrap_or_default();
    if !notes.is_empty() {
        writeln!(out, "\nnoted:")?;
        for note in notes {
            writeln!(out, "  {note}")?;
        }
    }
    for (what, name) in [("entered", "entered"), ("left", "left")] {
        let audiences = at(&record, &format!("/{name}"));
        if audiences != "-" {
            writeln!(out, "\n{what} {audiences}")?;
        }
    }
    let groups = record.get("groups").and_then(Value::as_array).cloned().unwrap_or_default();
    writeln!(out, "\npostings:")?;
    if groups.is_empty() {
        writeln!(out, "  none")?;
    }
    for group in &groups {
        let by = match at(group, "/reactor").as_str() {
            "-" => String::new(),
            reactor => format!(" by {reactor}"),
        };
        let currency = at(group, "/currency");
        let named = amounts.named(&currency);
        writeln!(out, "  {} of {named}{by}  ({})", at(group, "/reason"), at(group, "/id"))?;
        for posting in group.get("postings").and_then(Value::as_array).into_iter().flatten() {
            let balance = match amounts.at(&currency, posting, "/balance").as_str() {
                "-" => String::new(),
                balance => format!(", balance {balance}"),
            };
            writeln!(
                out,
                "    {} {}{balance}",
                at(posting, "/account"),
                amounts.at(&currency, posting, "/amount")
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_explanation_has_cause_and_effect() -> Result<()> {
        let explanation = json!({
            "place": "decided", "revision": "a".repeat(64),
            "record": {"kind": "track", "event": "Order Completed", "profile": "p1", "n": 3, "epoch": 2,
                "occurred_at": "1997-01-05T00:00:00Z", "decided_at": "2026-01-01T00:00:00Z", "entered": ["big"], "left": [],
                "groups": [{"id": "p1/3/0", "currency": "points", "reason": "award", "reactor": "r",
                    "postings": [{"account": "available", "amount": 29, "balance": 129}, {"account": "issued", "amount": -29, "balance": null}]}]},
            "trace": {"considered": [{"reactor": "r", "cause": "event order_completed", "stopped": null, "did": ["award 29 points"]}]},
            "merges": [{"out": "p0/4", "taken_in": "p1/2"}],
            "message": {"properties": {"total": 29.33}},
        });
        let mut out = Vec::new();
        told(&explanation, &crate::output::amounts_with("points", 1), &mut out)?;
        let text = String::from_utf8(out)?;
        for expected in [
            "merged a profile: moved out by p0/4, taken in by p1/2",
            "track Order Completed of profile p1, record 3",
            "happened 1997-01-05 00:00:00Z",
            r#"properties {"total":29.33}"#,
            "+ r on event order_completed: fired: award 29 points",
            "entered big",
            "award of points by r  (p1/3/0)",
            "available 2.9, balance 12.9",
            "issued -2.9\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        Ok(())
    }

    #[test]
    fn what_waited_says_what_became_of_it() -> Result<()> {
        let quarantined = |released: Value| {
            json!({"place": "quarantined", "quarantined": {"id": "8f14", "at": "2026-01-01T00:00:00Z", "code": "schema",
                "errors": [{"pointer": "/properties/total", "detail": "is missing"}], "released_at": released}})
        };
        let duplicate = json!({"place": "duplicate", "record": {"kind": "track", "profile": "p1", "n": 3, "message_id": "m2"},
            "duplicate": {"by": "properties.order_id", "of": "p1/3", "released_at": "2026-01-02T00:00:00Z"}});
        let replayed = quarantined(json!("2026-01-02T00:00:00Z"));
        for (explanation, expected) in [
            (&quarantined(Value::Null), "it is 8f14 there; replay it once it fits"),
            (&replayed, "in quarantine since 2026-01-01 00:00:00Z until 2026-01-02 00:00:00Z (schema)"),
            (&replayed, "it was released and had no effect"),
            (&duplicate, "a duplicate by properties.order_id"),
            (&duplicate, "(2026-01-02 00:00:00Z) record p1/3 had its effect"),
            (&duplicate, "record 3, message m2"),
        ] {
            let mut out = Vec::new();
            told(explanation, &Amounts::default(), &mut out)?;
            let text = String::from_utf8(out)?;
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        Ok(())
    }
}
