//! Bad input gets a clear problem, and loses nothing.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::place::{Place, Sender, one_point_per_dollar, order, points, verified};

#[test]
fn malformed_requests_are_refused_and_harm_nothing() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let key = server.write_key("live")?;
    let sender = Sender::new(&server, &key)?;
    let good = order("good-1", "ann", "12.50")?;
    let mut large = good.clone();
    large["properties"]["note"] = json!("x".repeat(33 * 1024));
    let mut many = vec![good.clone(); 2_501];
    for (n, call) in many.iter_mut().enumerate() {
        call["messageId"] = json!(format!("many-{n}"));
    }
    let whole = json!({ "batch": [good] }).to_string();
    for (what, body) in [
        ("nothing", String::new()),
        ("truncated JSON", whole[..whole.len() - 3].to_owned()),
        ("not an object", "[1, 2]".to_owned()),
        ("a batch that is no list", json!({ "batch": 7 }).to_string()),
        ("33 KB", json!({ "batch": [large] }).to_string()),
        ("2,501 events", json!({ "batch": many }).to_string()),
        ("deep nesting", format!("{{\"batch\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000))),
    ] {
        let (status, answer) = sender.post(&body)?;
        ensure!((400..500).contains(&status) && status != 410, "{what}: {status} {answer}");
        let problem: Value = serde_json::from_str(&answer).with_context(|| format!("{what}: {answer}"))?;
        for field in ["type", "title", "code", "message"] {
            ensure!(problem[field].is_string(), "{what}: no `{field}` in {problem}");
        }
    }
    assert_eq!(points(&server, "ann")?, None, "a refused request has no effect, in part neither");

    let stranger = Sender::new(&server, "wk_live_000000000000000000000000000000")?;
    assert_eq!(stranger.post(&whole)?.0, 401);

    sender.send(&[order("good-1", "ann", "12.50")?])?;
    assert_eq!(points(&server, "ann")?, Some(12));
    verified(&server)?;
    server.stop()
}

#[test]
fn what_breaks_its_schema_waits_in_quarantine() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let key = server.write_key("live")?;
    let sender = Sender::new(&server, &key)?;
    let mut wrong = order("wrong-1", "bob", "5.00")?;
    wrong["properties"]["total"] = json!("five");
    sender.send(&[wrong, order("right-1", "bob", "7.00")?])?;
    assert_eq!(points(&server, "bob")?, Some(7), "the rest goes on");
    let listed = server.json(&["quarantine", "list", "--environment", "live"])?.to_string();
    ensure!(listed.contains("/properties/total") && listed.contains("five"), "{listed}");
    server.stop()
}
