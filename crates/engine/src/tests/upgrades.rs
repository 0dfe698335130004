//! Another program: what is counted anew, what stays, who enters.

use program::expression::Value;
use serde_json::json;

use super::{stories::SHOP, world::World};
use crate::record;

const MORE: &str = r#"
kind: metric
key: big_orders
spec: {event: order_completed, aggregate: count, where: "event.properties.total >= 50.0"}
---
kind: metric
key: from_now
spec: {event: order_completed, aggregate: count, begin: now}
---
kind: metric
key: recent_spend
spec: {event: order_completed, aggregate: sum, of: properties.total, window: {rolling_days: 10}}
---
kind: audience
key: big_buyers
spec: {condition: "profile.metrics.big_orders >= 2"}
---
kind: reactor
key: thank_big_buyers
spec: {trigger: {audience_entered: big_buyers}, actions: [{award: {currency: points, amount: 1}}]}
"#;

#[test]
fn new_metrics_are_counted_from_history_or_from_now() {
    let mut world = World::new(SHOP);
    let id = world.order("ann", "1997-01-01", "60");
    world.order("ann", "1997-01-02", "10");
    world.order("ann", "1997-01-12", "70.5");
    let before = world.profile(id).metrics["orders"].clone();
    world.promote(&format!("{SHOP}---\n{MORE}"), "1997-01-15");
    assert!(world.rules.needs_upgrade(world.profile(id)) && world.rules.needs_history(world.profile(id)));
    world.advance("1997-01-15");
    let metric = |world: &World, key: &str| world.metric(id, key, "1997-01-15");
    assert_eq!(metric(&world, "big_orders"), Some(Value::Int(2)));
    assert_eq!(metric(&world, "from_now"), Some(Value::Int(0)));
    assert_eq!(metric(&world, "recent_spend"), Some(Value::Double(70.5)));
    assert_eq!(world.profile(id).metrics["orders"], before, "what was not redefined goes on");
    assert!(world.profile(id).audiences.contains_key("big_buyers"));
    assert_eq!(world.balance(id, "points"), 140, "entering by promotion is silent");
    assert!(!world.rules.needs_upgrade(world.profile(id)));
    assert!(!world.rules.needs_history(world.profile(id)));

    // Back to the first program: its metrics are still the same, nothing is counted again.
    world.promote(SHOP, "1997-01-16");
    assert!(!world.rules.needs_history(world.profile(id)));
    world.order("ann", "1997-01-17", "1");
    assert_eq!(metric(&world, "orders"), Some(Value::Int(4)));
    assert_eq!(world.profile(id).metrics.len(), 2);
    assert!(!world.profile(id).audiences.contains_key("big_buyers"));
    world.verify();
}

#[test]
fn what_cannot_be_added_up_is_left_out_of_what_is_counted_from_history() {
    const TOTALS: &str = "---\nkind: metric\nkey: totals\nspec: {event: order_completed, aggregate: sum, of: properties.total}\n";
    let mut world = World::new("kind: event_type\nkey: order_completed\nspec: {name: Order Completed}\n");
    let ann = world.order("ann", "1997-01-01", "9999999999999999999999999999");
    world.order("ann", "1997-01-02", "0.5");
    let bob = world.order("bob", "1997-01-03", "2.5");
    world.promote(
        &format!("kind: event_type\nkey: order_completed\nspec: {{name: Order Completed}}\n{TOTALS}"),
        "1997-01-15",
    );
    world.advance("1997-01-15");
    for (id, total) in [(ann, 9_999_999_999_999_999_999_999_999_999.0), (bob, 2.5)] {
        assert!(!world.rules.needs_upgrade(world.profile(id)));
        assert_eq!(world.metric(id, "totals", "1997-01-15"), Some(Value::Double(total)));
    }
    world.verify();
}

#[test]
fn a_promotion_may_let_reactors_react() {
    let mut world = World::new(SHOP);
    let id = world.order("ann", "1997-01-01", "60");
    world.order("ann", "1997-01-02", "60");
    world.promote(&format!("{SHOP}---\n{MORE}"), "1997-01-15");
    world.rules.react_on_upgrade = true;
    world.advance("1997-01-15");
    assert_eq!(world.balance(id, "points"), 121);
    world.verify();
}

#[test]
fn a_metric_that_has_counted_nothing_is_not_a_new_one() {
    let with_refunds = format!(
        "{SHOP}---\n{}",
        r"
kind: event_type
key: refund
spec: {name: Refund, schema: {type: object}}
---
kind: metric
key: refunds
spec: {event: refund, aggregate: count}
"
    );
    let mut world = World::new(&with_refunds);
    let id = world.order("ann", "1997-01-01", "60");
    assert!(!world.profile(id).metrics.contains_key("refunds"));
    let reworded = with_refunds.replace("{name: Points, expiry: never}", "{name: Stars, expiry: never}");
    world.promote(&reworded, "1997-01-15");
    assert!(world.rules.needs_upgrade(world.profile(id)));
    assert!(!world.rules.needs_history(world.profile(id)), "no metric is new");
    // Words for people do not redefine a metric.
    let described = reworded.replace(
        "{event: refund, aggregate: count}",
        "{event: refund, aggregate: count, description: Returns}",
    );
    world.promote(&described, "1997-01-16");
    assert!(!world.rules.needs_history(world.profile(id)));
    world.advance("1997-01-16");
    world.verify();
}

#[test]
fn traits_declared_later_take_what_came_under_their_name() {
    let mut world = World::new(SHOP);
    let traits = json!({"mail": "ann@example.com", "age": "old"});
    let id = world.send("1997-01-01", json!({"type": "identify", "userId": "ann", "traits": traits}));
    let declared = format!(
        "{SHOP}---\n{}",
        r"
kind: trait
key: email
spec: {type: string, from: mail, searchable: true}
---
kind: trait
key: age
spec: {type: int}
"
    );
    world.promote(&declared, "1997-01-02");
    world.advance("1997-01-02");
    let traits: Vec<(&str, &str)> =
        world.profile(id).traits.iter().map(|(key, text)| (&**key, text.as_str())).collect();
    assert_eq!(traits, [("email", "\"ann@example.com\""), ("~age", "\"old\"")]);
    assert!(world.profile(id).searchable.contains("email"));
    world.promote(&declared.replace(", searchable: true", ""), "1997-01-03");
    world.advance("1997-01-03");
    assert!(world.profile(id).searchable.is_empty());
    world.verify();
}

#[test]
fn nothing_is_decided_under_a_program_before_the_upgrade() {
    let mut world = World::new(SHOP);
    let id = world.order("ann", "1997-01-01", "60");
    world.promote(&format!("{SHOP}---\n{MORE}"), "1997-01-15");
    let message = std::sync::Arc::new(world.message(
        "1997-01-16",
        json!({"event": "Order Completed", "userId": "ann", "properties": {"total": 1}}),
    ));
    let input = crate::Input::Message(message, Vec::new());
    let fault = world.decide(id, &input, super::world::at("1997-01-16")).expect_err("not yet");
    assert_eq!(fault.code, "behind");
    // An erased profile needs no upgrade: nothing is decided for it any more.
    world.advance("1997-01-16");
    world.command(id, "1997-01-17", crate::input::Order::Erase).expect("it is decided");
    world.promote(SHOP, "1997-01-18");
    assert!(!world.rules.needs_upgrade(world.profile(id)));
    world.advance("1997-01-18");
    let last = world.journal[&id].last().expect("a record");
    assert_eq!(record::decode(&last.header, Some(&last.body)).expect("it reads back").kind, "erase");
}
