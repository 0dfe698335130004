//! A promotion that needs what only the target can have: it says what, and goes through once that is there.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use xtask::greenroom::Greenroom;

use crate::{
    asked::{Admin, said, said_given},
    place::{Place, Sender, one_point_per_dollar, one_point_per_dollar_text, order, points, verified},
};

/// A hundred points and a call for an order of `constants.big_order` dollars and more.
const BIG_ORDERS: &str = "
---
kind: constant
key: big_order
spec: {type: decimal}
---
kind: secret
key: warehouse_hook
---
kind: reactor
key: bonus_for_big_orders
spec:
  trigger: {event: order_completed}
  condition: event.properties.total >= constants.big_order
  actions:
    - award: {currency: points, amount: 100}
    - call_webhook: {url: 'https://hooks.example.com/big', secret: warehouse_hook}
";

/// Does what a `help:` line says, with values for what it leaves open.
fn follow(server: &Greenroom, help: &str) -> Result<()> {
    let words: Vec<&str> =
        help.split_whitespace().map(|word| if word == "VALUE" { "50" } else { word }).collect();
    ensure!(words.first() == Some(&"greenroom"), "no command: {help}");
    said_given(server, &words[1..], "hush\n")?.exits(0).map(drop)
}

#[test]
fn a_promotion_waits_for_its_constant_and_its_secret() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    server.json(&["env", "create", "staging", "--from", "live"])?;
    said(&server, &["constants", "set", "big_order", "10", "-e", "staging"])?.exits(0)?;
    said_given(&server, &["secrets", "set", "warehouse_hook", "-e", "staging"], "of staging")?.exits(0)?;
    let text = one_point_per_dollar_text()? + BIG_ORDERS;
    server.apply(&place.program("big_orders", &[("program.yaml", &text)])?, "staging")?;

    let blocked = "\
blocked:
  constant/big_order: it has no default, and no value in live
      help: set it: greenroom constants set big_order VALUE --environment live
  secret/warehouse_hook: it has no value in live
      help: set it: greenroom secrets set warehouse_hook --environment live
";
    let before = server.json(&["audit", "-e", "live"])?;
    let plan = said(&server, &["plan", "--from", "staging", "--to", "live"])?.exits(3)?;
    ensure!(plan.out.contains(blocked), "{}", plan.out);
    let apply = ["apply", "--from", "staging", "--to", "live", "--auto-approve"];
    let refused = said(&server, &apply)?.exits(3)?;
    ensure!(refused.out.contains(blocked), "{}", refused.out);
    assert_eq!(refused.err, "nothing was done: the plan is blocked, for the reasons above\n");
    let body = json!({ "from": { "environment": "staging" } });
    let answer = Admin::new(&server)?.post("/environments/live/apply", &[("If-Match", "*")], &body)?;
    answer.refused(422, "plan_blocked")?;
    let told: Vec<&str> = answer.body["errors"]
        .as_array()
        .context("a blocked plan has `errors`")?
        .iter()
        .filter_map(|error| error["detail"].as_str())
        .collect();
    assert_eq!(
        told,
        [
            "constant/big_order: it has no default, and no value in live (set it: greenroom constants set \
             big_order VALUE --environment live)",
            "secret/warehouse_hook: it has no value in live (set it: greenroom secrets set warehouse_hook \
             --environment live)",
        ]
    );
    assert_eq!(server.json(&["audit", "-e", "live"])?, before, "nothing has changed");

    // What it says to do is all there is to do.
    let help: Vec<&str> =
        blocked.lines().filter_map(|line| line.trim().strip_prefix("help: set it: ")).collect();
    follow(&server, help[0])?;
    let half = said(&server, &apply)?.exits(3)?;
    ensure!(!half.out.contains("constant/big_order: it has"), "the constant is set: {}", half.out);
    ensure!(half.out.contains("secret/warehouse_hook: it has no value"), "{}", half.out);
    follow(&server, help[1])?;
    said(&server, &apply)?.exits(0)?;

    let sender = Sender::new(&server, &server.write_key("live")?)?;
    sender.send(&[order("small", "ann", "49.00")?, order("big", "bob", "50.00")?])?;
    assert_eq!(points(&server, "ann")?, Some(49), "live's own threshold, not staging's");
    assert_eq!(points(&server, "bob")?, Some(150));
    let outbox = server.json(&["outbox", "-e", "live"])?;
    assert_eq!(outbox["data"].as_array().map(Vec::len), Some(1), "{outbox}");
    verified(&server)?;
    server.stop()
}
