//! A schema that is tightened while events come in, and loosened again: every event is decided or put aside
//! with its reason, none is lost, and in the end all have counted once.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use xtask::greenroom::Greenroom;

use crate::{
    asked::{Admin, said},
    place::{Place, Sender, one_point_per_dollar, one_point_per_dollar_text, order, points, verified},
};

const CLIENTS: usize = 3;
const SMALL: i64 = 5;
const LARGE: i64 = 20;
const LOAD: Duration = Duration::from_millis(300);

/// An order that was sent, and what became of it.
struct Sent {
    user: String,
    item: Value,
    total: i64,
    /// The tightening had been acknowledged before it was sent.
    after: bool,
    outcome: Value,
}

/// Sends small and large orders in turn until it is over. An error unless every batch is acknowledged.
fn client(
    server: &Greenroom,
    key: &str,
    user: &str,
    tight: &AtomicBool,
    over: &AtomicBool,
) -> Result<Vec<Sent>> {
    let sender = Sender::new(server, key)?;
    let mut sent = Vec::new();
    for batch in 0.. {
        if over.load(Ordering::Acquire) {
            break;
        }
        let totals = [SMALL, LARGE, SMALL, LARGE];
        let items = (0..totals.len())
            .map(|i| order(&format!("{user}-{batch}-{i}"), user, &totals[i].to_string()))
            .collect::<Result<Vec<_>>>()?;
        let after = tight.load(Ordering::Acquire);
        let report = sender.reported(&items)?.done()?;
        let outcomes = report["items"].as_array().context("a report has `items`")?;
        ensure!(outcomes.len() == items.len(), "each item has an outcome: {report}");
        for ((item, total), outcome) in items.into_iter().zip(totals).zip(outcomes) {
            ensure!(item["messageId"] == outcome["message_id"], "{outcome}");
            sent.push(Sent { user: user.to_owned(), item, total, after, outcome: outcome.clone() });
        }
    }
    Ok(sent)
}

/// Points by user, of those orders that count.
fn sums<'a>(sent: impl Iterator<Item = &'a Sent>) -> BTreeMap<&'a str, i64> {
    let mut sums = BTreeMap::new();
    for order in sent {
        *sums.entry(order.user.as_str()).or_default() += order.total;
    }
    sums
}

fn replayed(server: &Greenroom) -> Result<(Value, Value, Value)> {
    let done = server.json(&["quarantine", "replay", "--all", "-e", "live"])?;
    Ok((done["decided"].clone(), done["duplicate"].clone(), done["quarantined"].clone()))
}

#[test]
fn a_schema_tightened_under_load_loses_no_event() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let key = server.write_key("live")?;
    let loose = "total: {type: number, minimum: 0}";
    let text = one_point_per_dollar_text()?;
    ensure!(text.contains(loose), "the schema reads otherwise");
    let text = text.replace(loose, "total: {type: number, minimum: 0, maximum: 10}");
    let tightened = place.program("tightened", &[("program.yaml", &text)])?;

    let (tight, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let sent = thread::scope(|scope| -> Result<Vec<Sent>> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (server, key, tight, over) = (&server, &key, &tight, &over);
                scope.spawn(move || self::client(server, key, &format!("client-{client}"), tight, over))
            })
            .collect();
        thread::sleep(LOAD);
        let applied = server.apply(&tightened, "live");
        tight.store(true, Ordering::Release);
        thread::sleep(LOAD);
        over.store(true, Ordering::Release);
        let mut sent = Vec::new();
        for client in clients {
            sent.extend(client.join().map_err(|_| anyhow!("a client failed"))??);
        }
        applied.map(|()| sent)
    })?;

    let mut aside = 0;
    for order in &sent {
        let outcome = &order.outcome;
        match outcome["outcome"].as_str() {
            Some("decided") => ensure!(order.total == SMALL || !order.after, "it does not fit: {outcome}"),
            Some("quarantined") => {
                let why = json!([{ "pointer": "/properties/total", "detail": "20 is greater than the maximum of 10" }]);
                ensure!(order.total == LARGE && outcome["problems"] == why, "{outcome}");
                aside += 1;
            }
            _ => return Err(anyhow!("neither decided nor in quarantine: {outcome}")),
        }
    }
    let large = sent.iter().filter(|order| order.total == LARGE).count();
    ensure!(aside > 0 && aside < large, "{aside} of {large} large orders: the load was not on both sides");
    let decided = sums(sent.iter().filter(|order| order.outcome["outcome"] == "decided"));
    for (user, sum) in &decided {
        assert_eq!(points(&server, user)?, Some(*sum), "{user}");
    }
    let recorded = Admin::new(&server)?.list("/environments/live/events")?;
    let recorded = recorded.iter().filter(|record| record["kind"] == "track").count();
    assert_eq!(recorded, sent.len() - aside, "one record an order decided");

    let waiting = server.json(&["quarantine", "list", "-e", "live", "--limit", "1000000"])?;
    let waiting = waiting["data"].as_array().context("a list has `data`")?;
    assert_eq!(waiting.len(), aside);
    for event in waiting {
        assert_eq!(event["code"], "schema", "{event}");
        assert_eq!(event["errors"][0]["pointer"], "/properties/total", "{event}");
    }
    let late = sent.iter().find(|order| order.outcome["outcome"] == "quarantined").context("there is one")?;
    let id = late.item["messageId"].as_str().context("an id")?;
    let why = said(&server, &["explain", id, "-e", "live"])?.exits(0)?;
    ensure!(why.out.starts_with("in quarantine since "), "{}", why.out);
    ensure!(why.out.contains("\n  /properties/total: 20 is greater than the maximum of 10\n"), "{}", why.out);
    ensure!(why.out.contains("replay it once it fits"), "{}", why.out);

    assert_eq!(replayed(&server)?, (json!(0), json!(0), json!(aside)), "what does not fit stays");
    server.apply(&one_point_per_dollar(), "live")?;
    assert_eq!(replayed(&server)?, (json!(aside), json!(0), json!(0)), "what fits is decided");
    let listed = said(&server, &["quarantine", "list", "-e", "live"])?.exits(0)?;
    assert_eq!(listed.out, "nothing here\n");
    let all: Vec<Value> = sent.iter().map(|order| order.item.clone()).collect();
    let sender = Sender::new(&server, &key)?;
    for batch in all.chunks(1_000) {
        sender.send(batch)?;
    }
    for (user, sum) in sums(sent.iter()) {
        assert_eq!(points(&server, user)?, Some(sum), "{user}: every order once, also when it is sent again");
    }
    verified(&server)?;
    server.stop()
}

#[test]
fn an_event_wrong_in_ten_thousand_places_is_put_aside_in_few_words() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    let text = one_point_per_dollar_text()?
        + "
---
kind: event_type
key: basket_scanned
spec:
  name: Basket Scanned
  schema: {properties: {numbers: {type: array, items: {type: integer}}}}
";
    server.apply(&place.program("baskets", &[("program.yaml", &text)])?, "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    let numbers = vec![""; 10_000];
    let basket = json!({
        "type": "track", "messageId": "wrong", "userId": "ann", "event": "Basket Scanned",
        "properties": { "numbers": numbers },
    });
    let report = sender.reported(&[basket, order("right", "ann", "3.00")?])?.done()?;
    let problems = report["items"][0]["problems"].as_array().context("it has `problems`")?;
    assert_eq!(problems.len(), 101);
    assert_eq!(
        problems[0],
        json!({ "pointer": "/properties/numbers/0", "detail": "\"\" is not of type \"integer\"" })
    );
    assert_eq!(problems[100], json!({ "pointer": "", "detail": "and 9900 more like these" }));
    let listed = server.json(&["quarantine", "list", "-e", "live"])?;
    assert_eq!(listed["data"][0]["errors"], report["items"][0]["problems"], "what is kept is what was told");
    let id = listed["data"][0]["id"].as_str().context("it has an id")?;
    let shown = server.json(&["quarantine", "show", id, "-e", "live"])?;
    assert_eq!(shown["item"]["properties"]["numbers"], json!(numbers), "of the event nothing is cut");
    assert_eq!(points(&server, "ann")?, Some(3));
    verified(&server)?;
    server.stop()
}
