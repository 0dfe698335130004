//! A program with ten faults, in several files: all ten are told at once, each with its place and what to do, and
//! by every command alike.

use std::{fmt::Write as _, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    asked::{Admin, said},
    place::{Place, Sender, one_point_per_dollar, one_point_per_dollar_text, order, points, program},
};

const FILES: [(&str, &str); 3] = [
    (
        "events.yaml",
        "\
kind: event_type
key: order_completed
spec:
  name: Order Completed
  schema:
    type: object
    required: [total]
    properties:
      total: {type: number}
      coupon: {type: string}
---
kind: event_type
key: order_refunded
spec:
  unknown_felds: warn
  schema: {type: objekt}
",
    ),
    (
        "members/audiences.yaml",
        "\
kind: metric
key: spent
spec: {event: order_complete, aggregate: sum, of: properties.total}
---
kind: metric
key: orders
spec: {event: order_completed, aggregate: cuont}
---
kind: trait
key: country
spec: {type: string}
---
kind: audience
key: from_here
spec:
  condition: profile.traits.country == 'DE'
---
kind: audience
key: big_spenders
spec:
  condition: profile.balances.point > 500
",
    ),
    (
        "points.yaml",
        "\
kind: currency
key: points
spec: {name: Points, decimals: 9}
---
kind: reactor
key: points_for_orders
spec:
  trigger: {event: order_completed}
  condition: event.properties.total > 'thirty'
  actions:
    - award: {currency: points, of: properties.total}
---
kind: reactor
key: bonus
spec:
  trigger: {event: order_completed}
  actions:
    - awrad: {currency: points, amount: 5}
    - award: {currency: pionts, amount: 5}
",
    ),
];

/// Place, what is wrong, and what to do (where that is not said already).
const TOLD: [(&str, &str, &str); 10] = [
    (
        "events.yaml:15:3",
        "event_type/order_refunded: `unknown_felds` is not a field of an event type (at /spec/unknown_felds)",
        "Did you mean `unknown_fields`? Allowed here: `description`, `name`, `accept_from`, `unique_by`, \
         `unknown_fields`, `schema`.",
    ),
    (
        "events.yaml:16:18",
        "event_type/order_refunded: `objekt` is not a type of JSON Schema (at /spec/schema/type)",
        "Did you mean `object`? Allowed here: `string`, `number`, `integer`, `boolean`, `object`, `array`, `null`.",
    ),
    (
        "members/audiences.yaml:3:15",
        "metric/spent: there is no `event_type/order_complete` (at /spec/event)",
        "Did you mean `order_completed`?",
    ),
    (
        "members/audiences.yaml:7:43",
        "metric/orders: `cuont` is not one of the words allowed here (at /spec/aggregate)",
        "Did you mean `count`? Allowed here: `count`, `sum`, `min`, `max`, `last`.",
    ),
    (
        "members/audiences.yaml:16:14",
        "audience/from_here: `profile.traits.country` may be missing (at /spec/condition)",
        "Test for it first: `has(profile.traits.country) && profile.traits.country == 'DE'`.",
    ),
    (
        "members/audiences.yaml:21:14",
        "audience/big_spenders: there is no currency `point` (at /spec/condition)",
        "Did you mean `profile.balances.points`?",
    ),
    ("points.yaml:3:32", "currency/points: 9 is outside 0 to 6 (at /spec/decimals)", ""),
    (
        "points.yaml:9:14",
        "reactor/points_for_orders: `event.properties.total` is a number, but `'thirty'` is a text; they cannot be \
         compared (at /spec/condition)",
        "Write double('thirty').",
    ),
    (
        "points.yaml:18:7",
        "reactor/bonus: `awrad` is not an action (at /spec/actions/0/awrad)",
        "Did you mean `award`? Allowed here: `award`, `deduct`, `set_trait`, `emit_event`, `call_webhook`, \
         `send_message`.",
    ),
    (
        "points.yaml:19:25",
        "reactor/bonus: there is no `currency/pionts` (at /spec/actions/1/award/currency)",
        "Did you mean `points`?",
    ),
];

#[test]
fn ten_faults_are_told_at_once() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let before = server.json(&["audit", "-e", "live"])?;
    let folder = place.program("shop", &FILES)?.to_string_lossy().into_owned();
    let mut told = String::new();
    for (at, what, help) in TOLD {
        writeln!(told, "{folder}/{at}: {what}")?;
        if !help.is_empty() {
            writeln!(told, "  help: {help}")?;
        }
    }
    for command in [
        vec!["validate", &folder],
        vec!["plan", &folder, "--to", "live"],
        vec!["apply", &folder, "--to", "live", "--auto-approve"],
        vec!["rehearse", &folder, "--to", "live"],
    ] {
        let refused = said(&server, &command)?.exits(1)?;
        assert_eq!(refused.out, told, "{command:?}");
        assert_eq!(refused.err, "10 faults\n", "{command:?}");
    }
    let refused = said(&server, &["validate", &folder, "--output", "json"])?.exits(1)?;
    let faults: Value = serde_json::from_str(&refused.out)?;
    let places: Vec<String> = faults["faults"]
        .as_array()
        .context("there are `faults`")?
        .iter()
        .map(|fault| {
            let at = &fault["position"];
            let file = at["file"].as_str().unwrap_or_default().trim_start_matches(&folder);
            format!("{}:{}:{}", file.trim_start_matches('/'), at["line"], at["column"])
        })
        .collect();
    assert_eq!(places, TOLD.map(|(at, _, _)| at));

    // A client of the API sends the same files.
    let files: Vec<Value> = FILES.iter().map(|(name, text)| json!({ "name": name, "text": text })).collect();
    let body = json!({ "from": { "files": { "name": "shop", "files": files } } });
    let answer = Admin::new(&server)?.post("/environments/live/apply", &[("If-Match", "*")], &body)?;
    assert_eq!(answer.refused(422, "invalid_program")?, "The program has 10 fault(s).");
    let errors = answer.body["errors"].as_array().context("there are `errors`")?;
    assert_eq!(errors.len(), TOLD.len());
    for (error, (at, what, help)) in errors.iter().zip(TOLD) {
        let detail = error["detail"].as_str().context("each has a `detail`")?;
        ensure!(detail.starts_with(&format!("{at}: {what}")) && detail.contains(help), "{detail}");
    }

    assert_eq!(server.json(&["audit", "-e", "live"])?, before, "nothing has changed");
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    sender.send(&[order("1", "ann", "12.00")?])?;
    assert_eq!(points(&server, "ann")?, Some(12), "live goes on");
    server.stop()
}

/// Folders called so are passed over inside a program; where the program itself stands does not matter.
#[test]
fn a_program_is_checked_wherever_it_stands() -> Result<()> {
    let place = Place::new()?;
    for above in [".hidden", "tests", ".hidden/tests"] {
        let faulty = place.program(&format!("{above}/faulty"), &FILES)?;
        let text = one_point_per_dollar_text()?;
        let sound = place.program(&format!("{above}/sound"), &[("program.yaml", &text)])?;
        for command in ["validate", "test"] {
            let output = Command::new(program()).arg(command).arg(&faulty).output()?;
            assert_eq!(output.status.code(), Some(1), "{command} below {above}");
            assert_eq!(String::from_utf8(output.stderr)?, "10 faults\n");
        }
        let output = Command::new(program()).arg("validate").arg(&sound).output()?;
        let told = String::from_utf8(output.stdout)?;
        ensure!(told.starts_with("no faults in 7 objects ("), "below {above}: {told}");
    }
    Ok(())
}
