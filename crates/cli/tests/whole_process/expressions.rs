//! Conditions that would run for ever: refused where that can be known, stopped where it cannot.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    asked::said,
    place::{Place, Sender, one_point_per_dollar_text, order, points, verified},
};

/// Baskets with a list of numbers: a point for each basket, a thousand if `condition` holds.
fn baskets(condition: &str) -> Result<String> {
    Ok(one_point_per_dollar_text()?
        + &format!(
            "
---
kind: event_type
key: basket_scanned
spec:
  name: Basket Scanned
  schema:
    type: object
    required: [numbers]
    properties:
      numbers: {{type: array, items: {{type: integer}}}}
---
kind: reactor
key: thousand
spec:
  trigger: {{event: basket_scanned}}
  condition: >-
    {condition}
  actions:
    - award: {{currency: points, amount: 1000}}
---
kind: reactor
key: one
spec:
  trigger: {{event: basket_scanned}}
  actions:
    - award: {{currency: points, amount: 1}}
"
        ))
}

fn basket(id: &str, user: &str, numbers: &[i64]) -> Value {
    json!({
        "type": "track", "messageId": id, "userId": user, "event": "Basket Scanned",
        "timestamp": "2026-03-01T12:00:00.000Z", "properties": { "numbers": numbers },
    })
}

#[test]
fn what_would_take_too_long_is_refused_before_it_runs() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    let before = server.json(&["audit", "-e", "live"])?;
    let list = "event.properties.numbers";
    let long = ["a > b"; 12].join(" || ");
    for (name, condition, told) in [
        (
            "deep",
            format!("{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, a + b + c + d > 0))))"),
            "58:101: reactor/thousand: loops stand inside one another more than 3 deep (at /spec/condition)\n  help: \
             Put fewer of exists, all, filter and map inside one another.",
        ),
        (
            "long",
            format!("{list}.exists(a, {list}.exists(b, {list}.exists(c, {long})))"),
            "58:5: reactor/thousand: this expression could take 6007652 steps; at most 2000000 are allowed (at \
             /spec/condition)\n  help: Put fewer loops (exists, all, filter, map) inside one another, or filter the \
             list first.",
        ),
    ] {
        let folder = place.program(name, &[("program.yaml", &baskets(&condition)?)])?;
        let folder = folder.to_string_lossy();
        for command in [
            vec!["validate", &folder],
            vec!["plan", &folder, "--to", "live"],
            vec!["apply", &folder, "--to", "live", "--auto-approve"],
        ] {
            let refused = said(&server, &command)?.exits(1)?;
            assert_eq!(refused.out, format!("{folder}/program.yaml:{told}\n"));
            assert_eq!(refused.err, "1 fault\n");
        }
    }
    assert_eq!(server.json(&["audit", "-e", "live"])?, before, "nothing has changed");
    server.stop()
}

#[test]
fn what_takes_too_long_is_stopped_and_holds_nobody_up() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    let pairs = "event.properties.numbers.exists(a, event.properties.numbers.exists(b, a + b < 0))";
    server.apply(&place.program("pairs", &[("program.yaml", &baskets(pairs)?)])?, "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    let begun = Instant::now();
    let answer = sender.reported(&[
        order("before", "ann", "5.00")?,
        basket("endless", "bob", &vec![0; 15_000]),
        basket("short", "cleo", &[1, -2]),
        order("after", "bob", "7.00")?,
    ])?;
    ensure!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    let outcomes = answer.done()?;
    let fired: Vec<&Value> = outcomes["items"]
        .as_array()
        .context("a report has `items`")?
        .iter()
        .map(|item| &item["fired"])
        .collect();
    let expected = [
        json!(["points_for_orders"]),
        json!(["one"]),
        json!(["one", "thousand"]),
        json!(["points_for_orders"]),
    ];
    assert_eq!(fired, expected.iter().collect::<Vec<_>>(), "{outcomes}");
    let why = said(&server, &["explain", "endless", "-e", "live"])?.exits(0)?;
    let told = "- thousand on event basket_scanned: stopped: its condition cannot be evaluated: it takes more than \
                2000000 steps\n";
    ensure!(why.out.contains(told), "{}", why.out);
    for (user, expected) in [("ann", 5), ("bob", 8), ("cleo", 1_001)] {
        assert_eq!(points(&server, user)?, Some(expected), "{user}");
    }
    verified(&server)?;
    server.stop()
}

/// Reading a list costs no step of its own, so steps alone would not stop this.
#[test]
fn a_list_that_is_read_for_each_of_its_items_takes_no_longer() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    let all = "event.properties.numbers.all(a, size(event.properties.numbers) > a)";
    server.apply(&place.program("all", &[("program.yaml", &baskets(all)?)])?, "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    let begun = Instant::now();
    sender.send(&[basket("wide", "bob", &vec![0; 15_000])])?;
    ensure!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    assert_eq!(points(&server, "bob")?, Some(1_001));
    verified(&server)?;
    server.stop()
}
