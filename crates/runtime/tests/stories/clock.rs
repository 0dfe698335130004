//! Time: expiry, maturing, rolling windows and schedules, on a test clock.

use std::time::Duration;

use engine::{Fault, Identity, Input, Profile, Proposal, Rules, Times};
use runtime::environment::Options;
use serde_json::json;

use crate::ground::{SHOP, ada, apply, at, ground, ground_with, holds, order, points, send, state, track};

const TIMED: &str = r"
kind: event_type
key: order_completed
spec:
  name: Order Completed
  schema: {type: object, required: [total], properties: {total: {type: number}, order_id: {type: string}}}
---
kind: currency
key: points
spec: {name: Points, pending_days: 3, expiry: {after_days: 30}}
---
kind: metric
key: orders_7d
spec: {event: order_completed, aggregate: count, window: {rolling_days: 7}}
---
kind: audience
key: active
spec: {condition: profile.metrics.orders_7d > 0}
---
kind: reactor
key: points_for_orders
spec:
  trigger: {event: order_completed}
  schedule: {until: '2031-01-01T00:00:00Z'}
  actions: [{award: {currency: points, of: properties.total}}]
---
kind: reactor
key: goodbye
spec:
  trigger: {audience_left: active}
  actions: [{send_message: {template: miss_you, channel: email, data: {orders: profile.metrics.orders_7d}}}]
";

#[tokio::test]
async fn everything_due_fires_in_time_order() {
    let ground = ground().await;
    let test = ground.greenroom.create_environment("staging", ada()).await.expect("it is made");
    test.advance_clock(ada(), at("2030-01-01T12:00:00Z")).await.expect("the clock moves");
    apply(&test, TIMED).await;
    let now = test.now();
    assert_eq!(now, at("2030-01-01T12:00:00Z"));
    send(&test, vec![order("m1", "u1", "40", now)]).await;
    assert_eq!(points(&test, "u1").await, 0, "pending");
    test.advance_clock(ada(), at("2030-01-05T00:00:00Z")).await.expect("the clock moves");
    assert_eq!(points(&test, "u1").await, 40, "matured");
    assert!(state(&test, "u1").await.audiences.contains_key("active"));
    test.advance_clock(ada(), at("2030-01-09T00:00:00Z")).await.expect("the clock moves");
    assert!(state(&test, "u1").await.audiences.is_empty(), "the window rolled on");
    let outbox = test.store().outbox(None, 10).await.expect("it reads");
    assert_eq!(outbox.rows.len(), 1, "one goodbye");
    assert_eq!(outbox.rows[0].channel, "email");
    test.advance_clock(ada(), at("2030-02-02T00:00:00Z")).await.expect("the clock moves");
    assert_eq!(points(&test, "u1").await, 0, "expired");
    assert!(test.advance_clock(ada(), at("2030-02-01T00:00:00Z")).await.is_err(), "only forward");
    assert!(ground.live().advance_clock(ada(), at("2040-02-01T00:00:00Z")).await.is_err(), "never in live");
    test.advance_clock(ada(), at("2031-01-02T00:00:00Z")).await.expect("the clock moves");
    let after = order("m2", "u1", "40", test.now());
    send(&test, vec![after]).await;
    test.advance_clock(ada(), at("2031-01-08T00:00:00Z")).await.expect("the clock moves");
    assert_eq!(points(&test, "u1").await, 0, "the reactor's schedule is over");
    let audit = test.store().audit(None, 50).await.expect("it reads");
    let reached =
        audit.rows.iter().filter(|row| String::from_utf8_lossy(&row.header).contains("schedule_reached"));
    assert_eq!(reached.count(), 1, "the end of the schedule is a control record");
    holds(&test).await;
}

/// No program is ever right for the second.
fn never_upgrades_u2(
    rules: &Rules,
    profile: &Profile,
    input: &Input,
    times: Times,
) -> Result<Proposal, Fault> {
    if matches!(input, Input::Upgrade { .. }) && profile.identities.contains(&Identity::User("u2".into())) {
        return Err(Fault::new("overflow", "metric/spend", "what a test wants"));
    }
    engine::decide(rules, profile, input, times)
}

#[tokio::test]
async fn who_cannot_be_upgraded_keeps_no_other_from_what_is_due() {
    let ground = ground_with(Options { decide: never_upgrades_u2, ..Options::default() }).await;
    let test = ground.greenroom.create_environment("staging", ada()).await.expect("it is made");
    test.advance_clock(ada(), at("2030-01-01T12:00:00Z")).await.expect("the clock moves");
    apply(&test, TIMED).await;
    let now = test.now();
    send(&test, vec![order("m1", "u1", "40", now), order("m2", "u2", "50", now)]).await;
    apply(&test, &format!("{TIMED}---\nkind: metric\nkey: spend\nspec: {{event: order_completed, aggregate: sum, of: properties.total}}\n")).await;
    let moves = test.advance_clock(ada(), at("2030-01-05T00:00:00Z"));
    tokio::time::timeout(Duration::from_secs(20), moves)
        .await
        .expect("it comes to its end")
        .expect("the clock moves");
    assert_eq!((points(&test, "u1").await, points(&test, "u2").await), (40, 0));
    assert_eq!(test.sweep_progress().await.expect("it reads").0, 1, "the other is known to be left");
}

/// Whoever advances the clock and those who follow it see the same schedules come.
#[tokio::test]
async fn a_schedule_is_noted_once_whoever_sees_it_come() {
    const MONTHS: usize = 6;
    let ground = ground().await;
    let test = ground.greenroom.create_environment("staging", ada()).await.expect("it is made");
    test.advance_clock(ada(), at("2030-01-01T00:00:00Z")).await.expect("the clock moves");
    let in_month = |month| {
        format!(
            "---\nkind: reactor\nkey: in_month_{month}\nspec:\n  trigger: {{event: order_completed}}\n  \
             schedule: {{from: '2030-0{month}-02T00:00:00Z', until: '2030-0{month}-20T00:00:00Z'}}\n  \
             actions: [{{award: {{currency: points, amount: 1}}}}]\n"
        )
    };
    let months: Vec<String> = (1..=MONTHS).map(in_month).collect();
    let program = format!("{TIMED}{}", months.concat());
    apply(&test, &program).await;
    for month in 2..=MONTHS + 1 {
        let to = at(&format!("2030-0{month}-01T00:00:00Z"));
        let (one, other) = tokio::join!(test.advance_clock(ada(), to), test.advance_clock(ada(), to));
        one.expect("the clock moves");
        other.expect("the clock moves");
    }
    let audit = test.store().audit(None, 200).await.expect("it reads");
    let headers = audit.rows.iter().map(|row| String::from_utf8_lossy(&row.header).into_owned());
    let reached: Vec<String> = headers.filter(|header| header.contains("schedule_reached")).collect();
    assert_eq!(reached.len(), 2 * MONTHS, "{reached:#?}");
    holds(&test).await;
}

#[tokio::test]
async fn an_import_of_old_orders_behaves_as_then() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, TIMED).await;
    let held = live.hold_timers().await;
    send(&live, vec![order("m1", "u1", "10", at("1997-01-01T12:00:00Z"))]).await;
    // Its lot ended in 1997, but not before this order of the same month.
    send(&live, vec![track("m2", "u1", "Order Completed", json!({"total": 5}), at("1997-01-20T12:00:00Z"))])
        .await;
    assert_eq!(points(&live, "u1").await, 10, "the second is still pending, the first has matured");
    drop(held);
    for _ in 0..200 {
        if points(&live, "u1").await == 0 {
            holds(&live).await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("by today both have expired, but {} are left", points(&live, "u1").await);
}

#[tokio::test]
async fn a_constant_bound_anew_moves_members_who_do_nothing() {
    let ground = ground().await;
    let live = ground.live();
    let with_constant = SHOP.replace("lifetime_spend > 100.0", "lifetime_spend > constants.big")
        + "---\nkind: constant\nkey: big\nspec: {type: decimal, default: 100}\n";
    apply(&live, &with_constant).await;
    send(&live, vec![order("m1", "u1", "60", live.now()), order("m2", "u2", "10", live.now())]).await;
    assert!(state(&live, "u1").await.audiences.is_empty());
    let key = program::Key::new("big").expect("a key");
    live.set_constant(ada(), key.clone(), Some(json!(50)), None).await.expect("it is bound");
    let swept = async || {
        for _ in 0..500 {
            if live.sweep_progress().await.expect("it reads").0 == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the sweep does not come to an end");
    };
    swept().await;
    assert!(state(&live, "u1").await.audiences.contains_key("big_spenders"));
    assert!(state(&live, "u2").await.audiences.is_empty());
    // Back to what holds without it: the next order finds them out of it again, or the sweep before it.
    live.set_constant(ada(), key, None, None).await.expect("it is unbound");
    send(&live, vec![order("m3", "u1", "1", live.now())]).await;
    assert!(state(&live, "u1").await.audiences.is_empty());
    swept().await;
    holds(&live).await;
}
