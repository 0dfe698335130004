//! What time brings: lots that mature and expire, windows that roll, events that come late.

use program::expression::Value;
use serde_json::json;

use super::{
    stories::SHOP,
    world::{World, at},
};

#[test]
fn points_mature_and_expire_before_the_next_event_is_decided() {
    let shop = SHOP.replace("expiry: never", "expiry: {after_days: 30, end_of: day}, pending_days: 14");
    let mut world = World::new(&shop);
    let id = world.order("ann", "1997-01-01", "10");
    assert_eq!(world.balance(id, "points"), 0);
    let wallet = |world: &World| {
        let wallet = world.profile(id).wallets.wallet(&"points".into()).clone();
        (wallet.pending(), wallet.available())
    };
    assert_eq!(wallet(&world), (10, 0));
    world.advance("1997-01-20");
    assert_eq!(wallet(&world), (0, 10));
    assert_eq!(world.last_trace.changes[0].what, "10 points matured");
    world.order("ann", "1997-03-01", "20");
    assert_eq!(wallet(&world), (20, 0));
    let kinds: Vec<&str> = world.journal[&id]
        .iter()
        .map(|it| crate::record::decode(&it.header, Some(&it.body)).expect("it reads back").kind)
        .collect();
    assert_eq!(kinds, ["track", "timer", "timer", "track"]);
    world.verify();
}

const ACTIVE: &str = r#"
kind: settings
key: program
spec: {time_zone: America/New_York}
---
kind: metric
key: recent
spec: {event: order_completed, aggregate: count, window: {rolling_days: 30}}
---
kind: metric
key: this_month
spec: {event: order_completed, aggregate: sum, of: properties.total, window: calendar_month}
---
kind: metric
key: this_year
spec: {event: order_completed, aggregate: max, of: properties.total, window: calendar_year}
---
kind: metric
key: latest
spec: {event: order_completed, aggregate: last, of: properties.order_id}
---
kind: metric
key: first_at
spec: {event: order_completed, aggregate: min, of: timestamp}
---
kind: audience
key: active
spec: {condition: "profile.metrics.recent >= 2"}
---
kind: reactor
key: win_back
spec: {trigger: {audience_left: active}, actions: [{award: {currency: points, amount: 5}}]}
"#;

#[test]
fn a_rolling_window_rolls_at_midnight_of_the_zone() {
    let mut world = World::new(&format!("{SHOP}---\n{ACTIVE}"));
    let id = world.order("ann", "1997-01-01T15:00:00Z", "1");
    // 22:00 in New York, still the 10th there.
    world.order("ann", "1997-01-11T03:00:00Z", "1");
    assert!(world.profile(id).audiences.contains_key("active"));
    // The 30 days up to the 30th hold the 1st; on the 31st it is out. Midnight there is 05:00 UTC.
    assert_eq!(world.profile(id).due_at, Some(at("1997-01-31T05:00:00Z")));
    world.advance("1997-01-31T04:59:59Z");
    assert!(world.profile(id).audiences.contains_key("active"));
    world.advance("1997-01-31T05:00:00Z");
    assert!(!world.profile(id).audiences.contains_key("active"));
    assert_eq!(world.balance(id, "points"), 2 + 5);
    assert_eq!(world.profile(id).due_at, Some(at("1997-02-09T05:00:00Z")));
    world.advance("1997-12-31");
    assert_eq!(world.profile(id).due_at, None, "nothing is left to roll");
    world.verify();
}

#[test]
fn calendar_windows_and_last_values() {
    let mut world = World::new(&format!("{SHOP}---\n{ACTIVE}"));
    let order = |world: &mut World, when: &str, id: &str, total: f64| {
        let properties = json!({"total": total, "order_id": id});
        world.send(when, json!({"event": "Order Completed", "userId": "ann", "properties": properties}))
    };
    let id = order(&mut world, "1997-01-31", "a", 10.5);
    order(&mut world, "1997-02-01", "b", 2.25);
    order(&mut world, "1997-02-27", "c", 1.5);
    let metric = |world: &World, key: &str, when: &str| world.metric(id, key, when);
    assert_eq!(metric(&world, "this_month", "1997-02-28"), Some(Value::Double(3.75)));
    assert_eq!(metric(&world, "this_month", "1997-03-02"), Some(Value::Double(0.0)));
    assert_eq!(metric(&world, "this_year", "1997-03-02"), Some(Value::Double(10.5)));
    assert_eq!(metric(&world, "this_year", "1998-01-02"), None);
    assert_eq!(metric(&world, "latest", "1998-01-02"), Some(Value::String("c".into())));
    // Late: decided as of its own time; the last value stays the latest by time.
    order(&mut world, "1997-01-15", "late", 4.0);
    assert_eq!(metric(&world, "latest", "1997-02-28"), Some(Value::String("c".into())));
    assert_eq!(metric(&world, "this_month", "1997-01-31"), Some(Value::Double(14.5)));
    assert_eq!(metric(&world, "this_month", "1997-02-28"), Some(Value::Double(3.75)));
    assert_eq!(metric(&world, "first_at", "1997-02-28"), Some(Value::Timestamp(at("1997-01-15"))));
    world.verify();
}

#[test]
fn a_late_event_reads_windows_as_of_its_own_time() {
    let mut world = World::new(&format!(
        "{SHOP}---\n{ACTIVE}---\n{}",
        r"
kind: reactor
key: second_within_30_days
spec:
  trigger: {event: order_completed}
  condition: profile.metrics.recent == 2
  actions: [{award: {currency: points, amount: 1000}}]
"
    ));
    let id = world.order("ann", "1997-01-20", "0.5");
    world.order("ann", "1997-02-25", "0.5");
    // Days that no window reaches any more as of the latest event are gone: it counts nothing.
    world.order("ann", "1997-01-22", "0.5");
    assert_eq!(world.balance(id, "points"), 0);
    // As of the 10th of February there is one order within 30 days: the one of the 25th is not seen.
    world.order("ann", "1997-02-10", "0.5");
    assert_eq!(world.balance(id, "points"), 0);
    world.order("ann", "1997-02-12", "0.5");
    assert_eq!(world.balance(id, "points"), 1000 + 100, "with the bonus for the fifth order");
    world.verify();
}

#[test]
fn timers_are_harmless_where_nothing_is_due() {
    let mut world = World::new(SHOP);
    let id = world.order("ann", "1997-01-01", "10");
    let decision = world.decide(id, &crate::Input::Timer, at("1997-01-02")).expect("it is decided");
    assert_eq!(decision, crate::Decision::default());
    world.command(id, "1997-01-03", crate::input::Order::Erase).expect("it is decided");
    let decision = world.decide(id, &crate::Input::Timer, at("1997-01-04")).expect("it is decided");
    assert_eq!(decision, crate::Decision::default());
}
