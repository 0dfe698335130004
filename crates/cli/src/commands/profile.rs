//! `greenroom profile`.

use std::io::Write;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    arguments::{In, Much},
    client::{
        Client, Refusal,
        routes::{self, encoded, query},
    },
    context::Context,
    exit::Exit,
    output::{
        Amounts,
        Column::{Plain, Time},
        Table,
        text::{at, cell, moment, visible},
    },
};

/// Members. ID is a profile's id, a userId or an anonymousId
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Profile {
    /// Show a member: identities, traits, points, metrics, audiences and why, and what happened last
    Show {
        #[command(flatten)]
        place: In,
        /// A profile's id, a userId or an anonymousId
        id: String,
    },
    /// Find members by a searchable trait, or list them
    Find {
        #[command(flatten)]
        place: In,
        /// The trait's key
        #[arg(long = "trait", value_name = "KEY", requires = "value")]
        by: Option<String>,
        /// Its value; capitals do not matter
        #[arg(long, requires = "by")]
        value: Option<String>,
        #[command(flatten)]
        much: Much,
    },
    /// Erase a person, for good
    ///
    /// Everything personal is deleted, from the journal and from every view; postings and hashes remain,
    /// so that the ledger still balances. A backup that is restored erases them again. There is no way back.
    Erase {
        #[command(flatten)]
        place: In,
        /// A profile's id, a userId or an anonymousId
        id: String,
        /// Why. Do not name the person: this stays
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Ask nobody
        #[arg(long)]
        auto_approve: bool,
    },
}

impl Profile {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        match self {
            Self::Show { place, id } => show(context, &client, &place, &id)?,
            Self::Find { place, by, value, much } => {
                let path = format!(
                    "{}/profiles{}",
                    routes::environment(&place.environment),
                    query(&[("trait", by), ("value", value)])
                );
                let list = client.list(&path, much.rows())?;
                context.list(&list, || {
                    Table::of(
                        &list,
                        &[
                            ("PROFILE", "/id", Plain),
                            ("STANDING", "/standing", Plain),
                            ("KNOWN AS", "/identities/0/value", Plain),
                            ("AUDIENCES", "/audiences", Plain),
                            ("LATEST", "/latest_at", Time),
                        ],
                    )
                })?;
            }
            Self::Erase { place, id, reason, auto_approve } => {
                let profile = find(&client, &place, &id)?;
                let path = path(&place, &profile);
                if !auto_approve {
                    if !context.interactive {
                        context.note(
                            "nothing was done: there is nobody here to ask. To go on, give --auto-approve",
                        )?;
                        return Ok(Exit::ApprovalRequired);
                    }
                    if !context.confirm(&format!(
                        "Erase {} in {} for good?",
                        at(&profile, "/id"),
                        place.environment
                    ))? {
                        context.note("nothing was done")?;
                        return Ok(Exit::ApprovalRequired);
                    }
                }
                // One key a profile: erasing twice is erasing once.
                let key = format!("erase/{}", at(&profile, "/id"));
                let body = json!({ "reason": reason });
                let erased = client
                    .send(
                        Method::POST,
                        &format!("{path}/erasure"),
                        &[("idempotency-key", &key)],
                        Some(&body),
                    )?
                    .json()?;
                context.show(&erased, |out| {
                    Ok(writeln!(out, "erased {} (record {})", at(&erased, "/profile"), at(&erased, "/n"))?)
                })?;
            }
        }
        Ok(Exit::Done)
    }
}

/// Where a profile's resources begin.
pub(crate) fn path(place: &In, profile: &Value) -> String {
    format!("{}/profiles/{}", routes::environment(&place.environment), encoded(&at(profile, "/id")))
}

/// Finds a member by any of their ids.
pub(crate) fn find(client: &Client, place: &In, id: &str) -> Result<Value> {
    let base = format!("{}/profiles", routes::environment(&place.environment));
    if id.parse::<ledger::ProfileId>().is_ok() {
        match client.get(&format!("{base}/{}", encoded(id))) {
            Err(error) if error.downcast_ref::<Refusal>().is_some_and(|it| it.status == 404) => {}
            found => return found,
        }
    }
    for name in ["user_id", "anonymous_id"] {
        let list = client.get(&format!("{base}{}", query(&[(name, Some(id.to_owned()))])))?;
        if let Some(found) = list.pointer("/data/0") {
            return Ok(found.clone());
        }
    }
    bail!(
        "nobody in {} has the id `{id}`, neither as profile id, as userId nor as anonymousId; `greenroom profile find` lists members",
        place.environment
    )
}

fn show(context: &mut Context, client: &Client, place: &In, id: &str) -> Result<()> {
    let profile = find(client, place, id)?;
    let path = path(place, &profile);
    let part = |name: &str, limit: usize| -> Result<Value> {
        let mut list = client.list(&format!("{path}/{name}"), limit)?;
        Ok(list.get_mut("data").map(Value::take).unwrap_or_default())
    };
    let whole = json!({
        "wallet": part("wallet", usize::MAX)?,
        "metrics": part("metrics", usize::MAX)?,
        "audiences": part("audiences", usize::MAX)?,
        "timeline": part("timeline", 10)?,
        "profile": profile,
    });
    let amounts = context.amounts(client, &place.environment)?;
    context.show(&whole, |out| told(&whole, &amounts, out))
}

fn told(whole: &Value, amounts: &Amounts, out: &mut dyn Write) -> Result<()> {
    let rows = |pointer: &str| whole.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let profile = whole.get("profile").cloned().unwrap_or_default();
    writeln!(out, "profile {} ({})", at(&profile, "/id"), at(&profile, "/standing"))?;
    if at(&profile, "/merged_into") != "-" {
        writeln!(out, "  lives on in {}", at(&profile, "/merged_into"))?;
    }
    for identity in profile.get("identities").and_then(Value::as_array).into_iter().flatten() {
        writeln!(out, "  {} {}", at(identity, "/type"), at(identity, "/value"))?;
    }
    for pointer in ["traits", "other_traits"] {
        for (name, value) in profile.get(pointer).and_then(Value::as_object).cloned().unwrap_or_default() {
            writeln!(out, "  {} = {}", visible(&name), cell(&value))?;
        }
    }
    for wallet in rows("/wallet") {
        let currency = at(&wallet, "/currency");
        let pending = match wallet.get("pending").and_then(Value::as_i64) {
            None | Some(0) => String::new(),
            Some(pending) => format!(", {} pending", amounts.number(&currency, pending)),
        };
        let available = amounts.at(&currency, &wallet, "/available");
        writeln!(out, "\n{available} {}{pending}", amounts.named(&currency))?;
        for lot in wallet.get("lots").and_then(Value::as_array).into_iter().flatten() {
            let until = match moment(lot, "/expires_at").as_str() {
                "-" => "never expires".to_owned(),
                end => format!("expires {end}"),
            };
            let left = amounts.at(&currency, lot, "/left");
            writeln!(out, "  {left} of {}, {until}", moment(lot, "/awarded_at"))?;
        }
    }
    let metrics = rows("/metrics");
    if !metrics.is_empty() {
        writeln!(out, "\nmetrics:")?;
    }
    for metric in metrics {
        writeln!(out, "  {} = {}", at(&metric, "/metric"), at(&metric, "/value"))?;
    }
    let audiences = rows("/audiences");
    if !audiences.is_empty() {
        writeln!(out, "\naudiences:")?;
    }
    for audience in audiences {
        let member = audience.get("member").and_then(Value::as_bool).unwrap_or(false);
        let is = if member { format!("in since {}", moment(&audience, "/since")) } else { "not in".into() };
        writeln!(out, "  {}: {is}, because {}", at(&audience, "/audience"), at(&audience, "/condition"))?;
        for (name, value) in audience.get("reads").and_then(Value::as_object).cloned().unwrap_or_default() {
            writeln!(out, "    {} = {}", visible(&name), cell(&value))?;
        }
    }
    let timeline = rows("/timeline");
    if !timeline.is_empty() {
        let mut table = Table::new(&["N", "HAPPENED", "WHAT", "POINTS", "FIRED", "EVENT ID"]);
        for record in timeline {
            let what = match (at(&record, "/event").as_str(), at(&record, "/order").as_str()) {
                ("-", "-") => at(&record, "/kind"),
                ("-", order) => format!("{} by {order}", at(&record, "/kind")),
                (event, _) => event.to_owned(),
            };
            let fired: Vec<String> = record
                .get("reactors")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter(|one| one.get("fired").and_then(Value::as_bool).unwrap_or(false))
                .map(|one| at(one, "/reactor"))
                .collect();
            let fired = if fired.is_empty() { "-".to_owned() } else { fired.join(", ") };
            let id = at(&record, "/message_id");
            table.push([
                at(&record, "/n"),
                moment(&record, "/occurred_at"),
                what,
                points(&record, amounts),
                fired,
                id,
            ]);
        }
        write!(out, "\n{table}")?;
    }
    Ok(())
}

/// What a record did to the member's points: `+29 points`.
fn points(record: &Value, amounts: &Amounts) -> String {
    let mut parts = Vec::new();
    for group in record.get("groups").and_then(Value::as_array).into_iter().flatten() {
        let net: i64 = group
            .get("postings")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|posting| {
                let account = posting.get("account").and_then(Value::as_str);
                matches!(account, Some("available" | "pending" | "held"))
            })
            .filter_map(|posting| posting.get("amount")?.as_i64())
            .sum();
        if net != 0 {
            let currency = at(group, "/currency");
            parts.push(format!("{} {}", amounts.signed(&currency, net), amounts.named(&currency)));
        }
    }
    if parts.is_empty() { "-".into() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_at_a_glance() -> Result<()> {
        let whole = json!({
            "profile": {"id": "p1", "standing": "known", "identities": [{"type": "user_id", "value": "u-1"},
                {"type": "anonymous_id", "value": "a\u{1b}[2J"}],
                "traits": {"plan": "gold"}, "other_traits": {"\u{9b}2Jhat": "\u{7}"}},
            "wallet": [{"currency": "points", "available": 1129, "pending": 0, "lots": [
                {"left": 1129, "awarded_at": "1997-01-05T00:00:00Z", "expires_at": null}]},
                {"currency": "coins", "available": 840, "pending": 5, "lots": [
                {"left": 840, "awarded_at": "1997-01-05T00:00:00Z", "expires_at": null}]}],
            "metrics": [{"metric": "orders", "value": 5}],
            "audiences": [{"audience": "big", "member": false, "condition": "profile.metrics.spend > 500.0",
                "reads": {"profile.metrics.spend": 12.5}}],
            "timeline": [{"n": 1, "occurred_at": "1997-01-05T00:00:00Z", "event": "Order Completed", "message_id": "m",
                "reactors": [{"reactor": "a", "fired": true}, {"reactor": "b", "fired": false}],
                "groups": [{"currency": "points", "postings": [{"account": "available", "amount": 29}, {"account": "issued", "amount": -29}]},
                    {"currency": "coins", "postings": [{"account": "available", "amount": -60}]}]},
                {"n": 2, "occurred_at": "1997-01-06T00:00:00Z", "kind": "credit", "order": "Ada (admin_1): late"}],
        });
        let mut out = Vec::new();
        told(&whole, &crate::output::amounts_with("coins", 2), &mut out)?;
        let text = String::from_utf8(out)?;
        for expected in [
            "user_id u-1",
            "plan = gold",
            "anonymous_id a\u{fffd}[2J",
            "\u{fffd}2Jhat = \u{fffd}",
            "1,129 points\n",
            "8.40 coins, 0.05 pending\n  8.40 of 1997",
            "never expires",
            "orders = 5",
            "big: not in, because profile.metrics.spend > 500.0",
            "profile.metrics.spend = 12.5",
            "+29 points, -0.60 coins  a      m",
            "credit by Ada (admin_1): late",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        Ok(())
    }
}
