//! A rehearsal's report as people read it, on a terminal and in a pull request.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{
    Amounts, Table,
    text::{at, cell, count, number, short, visible},
    trace,
};

/// A row of a report: what, and its figures as people read them.
struct Row {
    what: String,
    recorded: String,
    candidate: String,
    change: String,
}

impl Row {
    fn counted(what: String, (recorded, candidate): (i64, i64)) -> Self {
        let change = signed(candidate - recorded);
        Self { what, recorded: count(recorded), candidate: count(candidate), change }
    }

    fn amounts(what: String, (recorded, candidate): (i64, i64), amounts: &Amounts, currency: &str) -> Self {
        let number = |units| amounts.number(currency, units);
        let change = amounts.signed(currency, candidate - recorded);
        Self { what, recorded: number(recorded), candidate: number(candidate), change }
    }
}

/// A table of a report: its title and its rows.
type Section = (&'static str, Vec<Row>);

fn fields(value: &Value, pointer: &str) -> Map<String, Value> {
    value.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn both(value: &Value) -> Option<(i64, i64)> {
    Some((value.get("recorded")?.as_i64()?, value.get("candidate")?.as_i64()?))
}

fn sections(report: &Value, amounts: &Amounts) -> Vec<Section> {
    let mut reactors = Vec::new();
    for (key, reactor) in fields(report, "/reactors") {
        let mut note = String::new();
        if reactor.get("dead").and_then(Value::as_bool).unwrap_or(false) {
            note.push_str(" (never fires)");
        }
        if reactor.get("depends_on_order").and_then(Value::as_bool).unwrap_or(false) {
            note.push_str(" (depends on order)");
        }
        if let Some(fired) = reactor.get("fired").and_then(both) {
            reactors.push(Row::counted(format!("{key}: fired{note}"), fired));
        }
        for (currency, points) in fields(&reactor, "/points") {
            if let Some(points) = both(&points) {
                let what = format!("{key}: {}", amounts.named(&currency));
                reactors.push(Row::amounts(what, points, amounts, &currency));
            }
        }
    }
    let mut currencies = Vec::new();
    for (currency, figures) in fields(report, "/currencies") {
        for what in ["issued", "redeemed", "expired", "adjusted", "liability"] {
            if let Some(points) = figures.get(what).and_then(both) {
                let what = format!("{}: {what}", amounts.named(&currency));
                currencies.push(Row::amounts(what, points, amounts, &currency));
            }
        }
    }
    let plain = |pointer: &str| {
        fields(report, pointer)
            .into_iter()
            .filter_map(|(key, value)| both(&value).map(|figures| Row::counted(key, figures)))
            .collect::<Vec<_>>()
    };
    [
        ("REACTOR", reactors),
        ("CURRENCY", currencies),
        ("AUDIENCE", plain("/audiences")),
        ("WOULD GO OUT", plain("/messages")),
    ]
    .into_iter()
    .filter(|(_, rows)| !rows.is_empty())
    .collect()
}

fn signed(delta: i64) -> String {
    if delta > 0 { format!("+{}", count(delta)) } else { count(delta) }
}

fn verdict(report: &Value) -> String {
    let window = match (at(report, "/since"), at(report, "/until")) {
        (since, until) if since == "-" && until == "-" => "the whole history".to_owned(),
        (since, until) if until == "-" => format!("from {since} on"),
        (since, until) if since == "-" => format!("until {until}"),
        (since, until) => format!("from {since} until {until}"),
    };
    format!(
        "{} events of {} members in {} ({window}), {} → {}; {} members would have something else",
        number(report, "/events"),
        number(report, "/profiles"),
        at(report, "/environment"),
        short(report, "/current"),
        short(report, "/candidate"),
        number(report, "/profiles_affected"),
    )
}

fn control(report: &Value) -> Vec<String> {
    if report.get("trusted").and_then(Value::as_bool).unwrap_or(false) {
        let records = number(report, "/control_records");
        return vec![format!("trusted: {records} records decided again came out as they were recorded")];
    }
    let because = report.get("untrusted_because").and_then(Value::as_array).cloned().unwrap_or_default();
    std::iter::once("NOT TRUSTED: do not rely on these figures".to_owned())
        .chain(because.iter().map(|why| format!("  because {}", cell(why))))
        .collect()
}

fn counted(report: &Value, pointer: &str, what: &str) -> Vec<String> {
    fields(report, pointer).into_iter().map(|(code, n)| format!("{what}: {} ({code})", cell(&n))).collect()
}

fn remarks(report: &Value) -> Vec<String> {
    let mut remarks = counted(report, "/rejected", "would have gone into quarantine");
    remarks.extend(counted(report, "/not_carried_over", "not carried over"));
    if report.get("order_approximate").and_then(Value::as_bool).unwrap_or(false) {
        remarks.push("budgets are shared: some figures depend on the order of events, which is nearly, not exactly, known".into());
    }
    remarks
}

/// For a terminal.
pub(crate) fn text(report: &Value, amounts: &Amounts) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", verdict(report));
    for line in control(report) {
        let _ = writeln!(out, "{line}");
    }
    for (title, rows) in sections(report, amounts) {
        let mut table = Table::new(&[title, "RECORDED", "CANDIDATE", "CHANGE"]);
        for row in rows {
            table.push([visible(&row.what), row.recorded, row.candidate, row.change]);
        }
        let _ = write!(out, "\n{table}");
    }
    for line in remarks(report) {
        let _ = writeln!(out, "{line}");
    }
    let affected = report.get("most_affected").and_then(Value::as_array).cloned().unwrap_or_default();
    if !affected.is_empty() {
        let _ = writeln!(out, "\nmost affected:");
    }
    for (rank, member) in affected.iter().take(5).enumerate() {
        let points: Vec<String> = fields(member, "/points")
            .into_iter()
            .filter_map(|(currency, points)| {
                let (recorded, candidate) = both(&points)?;
                let number = |units| amounts.number(&currency, units);
                Some(format!("{} → {} {}", number(recorded), number(candidate), amounts.named(&currency)))
            })
            .collect();
        let erased = member.get("erased").and_then(Value::as_bool).unwrap_or(false);
        let what = if erased { "erased since".to_owned() } else { points.join(", ") };
        let _ = writeln!(out, "  {}  {what}", at(member, "/profile"));
        // Both traces of the first: the rest is in the JSON.
        if let (0, Some(event)) = (rank, member.get("event").filter(|event| !event.is_null())) {
            let _ = writeln!(out, "    at {} {}:", at(event, "/event"), at(event, "/occurred_at"));
            for side in ["recorded", "candidate"] {
                let _ = writeln!(out, "    {side}:");
                for line in event.get(side).map(trace::lines).unwrap_or_default() {
                    let _ = writeln!(out, "      {line}");
                }
            }
        }
    }
    out
}

/// For a pull request.
pub(crate) fn markdown(report: &Value, amounts: &Amounts) -> String {
    let escape = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
    let mut out = String::from("### Rehearsal\n\n");
    let _ = writeln!(out, "{}\n", escape(&verdict(report)));
    for line in control(report) {
        let _ = writeln!(out, "**{}**\n", escape(line.trim()));
    }
    for (title, rows) in sections(report, amounts) {
        let title = title.to_lowercase();
        let _ = writeln!(out, "| {title} | recorded | candidate | change |\n| --- | ---: | ---: | ---: |");
        for row in rows {
            let what = escape(&visible(&row.what));
            let _ = writeln!(out, "| {what} | {} | {} | {} |", row.recorded, row.candidate, row.change);
        }
        out.push('\n');
    }
    for line in remarks(report) {
        let _ = writeln!(out, "- {}", escape(&line));
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> Value {
        json!({
            "environment": "live", "current": "a".repeat(64), "candidate": "b".repeat(64), "trusted": true,
            "control_records": 1234, "events": 1234, "profiles": 10, "profiles_affected": 2,
            "reactors": {"bonus": {"fired": {"recorded": 1, "candidate": 2}, "dead": false,
                "points": {"points": {"recorded": 1000, "candidate": 2500}}}},
            "currencies": {"coins": {"issued": {"recorded": 840, "candidate": 123_456}}},
            "audiences": {"big": {"recorded": 5, "candidate": 4}},
            "rejected": {"schema": 3},
            "most_affected": [{"profile": "p1", "points": {"points": {"recorded": 1, "candidate": 2}}, "event": null},
                {"profile": "p2", "points": {}, "event": null, "erased": true}],
        })
    }

    #[test]
    fn figures_stand_beside_each_other() {
        let amounts = crate::output::amounts_with("coins", 2);
        let text = text(&report(), &amounts);
        for expected in [
            "1,234 events of 10 members in live (the whole history), aaaaaaaaaaaa → bbbbbbbbbbbb",
            "trusted: 1,234 records",
            "bonus: points     1,000      2,500  +1,500",
            "coins: issued      8.40   1,234.56  +1,226.16",
            "would have gone into quarantine: 3 (schema)",
            "p1  1 → 2 points",
            "p2  erased since",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        let markdown = markdown(&report(), &amounts);
        assert!(markdown.contains("| big | 5 | 4 | -1 |"), "{markdown}");
        let mut untrusted = report();
        untrusted["trusted"] = json!(false);
        untrusted["untrusted_because"] = json!(["a record came out differently"]);
        assert!(super::text(&untrusted, &amounts).contains("NOT TRUSTED"), "it says so first");
    }
}
