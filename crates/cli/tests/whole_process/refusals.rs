//! Bad input gets a clear problem, and loses nothing.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    asked::said,
    place::{Place, Sender, one_point_per_dollar, order, points, totals, verified},
};

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

#[test]
fn what_is_wrong_with_a_request_is_said_with_its_place() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    let good = order("good", "ann", "5.00")?;
    let mut large = order("large", "ann", "5.00")?;
    large["properties"]["note"] = json!("x".repeat(33 * 1024));
    let large_bytes = large.to_string().len();
    for (body, code, told) in [
        (
            format!(r#"{{"batch": [{good}, {{"type": "tra"#),
            "bad_json",
            format!(
                "line 1, column {} (item 1 of the batch): expected the end of a string, but the text ends here (was it cut off?)",
                good.to_string().len() + 27
            ),
        ),
        (
            format!(r#"{{"batch": [{good}"#),
            "bad_json",
            format!(
                "line 1, column {}: expected a comma or `]`, but the text ends here (was it cut off?)",
                good.to_string().len() + 12
            ),
        ),
        (
            json!({ "batch": [good, large] }).to_string(),
            "event_too_large",
            format!("item 1 of the batch has {large_bytes} bytes, an event may have 32768"),
        ),
        (
            json!({ "batch": [good, 7] }).to_string(),
            "bad_json",
            format!(
                "line 1, column {} (item 1 of the batch): expected an object, found a number",
                good.to_string().len() + 12
            ),
        ),
        (
            json!({ "batch": "all" }).to_string(),
            "bad_json",
            "line 1, column 10: expected an array, found `\"`".into(),
        ),
        (
            json!({ "events": [good] }).to_string(),
            "bad_json",
            "there is no `batch`: expected {\"batch\": [ … ]}".into(),
        ),
    ] {
        let (status, answer) = sender.post(&body)?;
        let problem: Value = serde_json::from_str(&answer)?;
        assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{problem}");
        assert_eq!(problem["detail"], format!("Nothing was taken: {told}."));
        assert_eq!(problem["message"], problem["detail"], "what client libraries show");
    }
    assert_eq!(totals(&server, "live")?["records"], 0, "nothing was taken");
    sender.send(&[good])?;
    assert_eq!(points(&server, "ann")?, Some(5));
    server.stop()
}

#[test]
fn wrong_types_are_put_aside_and_unknown_keys_are_kept() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    let mut wrong = order("wrong", "ann", "5.00")?;
    wrong["userId"] = json!({ "id": "ann" });
    wrong["timestamp"] = json!(1_772_366_400);
    wrong["properties"] = json!(["total", 5]);
    let mut strange = order("strange", "bob", "7.00")?;
    strange["mood"] = json!("good");
    strange["properties"]["wrapping"] = json!("gift");
    let batch = json!({
        "batch": [wrong, strange, order("plain", "cleo", "9.00")?], "colour": "red", "sentAt": null,
    });
    let (status, answer) = sender.post(&batch.to_string())?;
    ensure!(status == 200, "{answer}");

    let why = said(&server, &["explain", "wrong", "-e", "live"])?.exits(0)?;
    let told = "\
  /userId: expected a string, found an object
  /properties: expected an object, found an array
  /timestamp: expected an ISO 8601 time in a string, found a number
";
    ensure!(why.out.contains("(malformed)\n") && why.out.contains(told), "{}", why.out);
    let listed = server.json(&["quarantine", "list", "-e", "live"])?;
    let id = listed["data"][0]["id"].as_str().with_context(|| format!("no id in {listed}"))?;
    let shown = server.json(&["quarantine", "show", id, "-e", "live"])?;
    assert_eq!(shown["item"], json!(wrong.to_string()), "it is kept as it was sent");
    let kept = server.json(&["explain", "strange", "-e", "live"])?["message"].to_string();
    ensure!(kept.contains(r#""mood":"good""#) && kept.contains(r#""wrapping":"gift""#), "{kept}");
    for (user, expected) in [("ann", None), ("bob", Some(7)), ("cleo", Some(9))] {
        assert_eq!(points(&server, user)?, expected, "{user}");
    }
    verified(&server)?;
    server.stop()
}
