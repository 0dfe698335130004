//! Loyalty stories: events in; points, memberships and outcomes out.

use program::expression::Value;

use super::world::World;

pub(super) const SHOP: &str = r#"
kind: event_type
key: order_completed
spec:
  name: Order Completed
  schema:
    type: object
    required: [total]
    properties:
      total: {type: number}
      order_id: {type: string}
---
kind: metric
key: orders
spec: {event: order_completed, aggregate: count}
---
kind: metric
key: lifetime_spend
spec: {event: order_completed, aggregate: sum, of: properties.total}
---
kind: audience
key: big_spenders
spec: {condition: "profile.metrics.lifetime_spend > 500.0"}
---
kind: currency
key: points
spec: {name: Points, expiry: never}
---
kind: reactor
key: points_for_orders
spec:
  trigger: {event: order_completed}
  actions:
    - award: {currency: points, of: properties.total, rate: 1, rounding: floor}
---
kind: reactor
key: fifth_order_bonus
spec:
  trigger: {event: order_completed}
  condition: profile.metrics.orders == 5
  limits: [{count: 1, window: lifetime}]
  actions:
    - award: {currency: points, amount: 100}
"#;

#[test]
fn orders_earn_points_and_the_fifth_a_bonus() {
    let mut world = World::new(SHOP);
    let mut id = None;
    for day in 1..=6 {
        id = Some(world.order("ann", &format!("1997-01-0{day}"), "19.99"));
    }
    let id = id.expect("six orders");
    assert_eq!(world.balance(id, "points"), 6 * 19 + 100);
    assert_eq!(world.metric(id, "orders", "1997-01-06"), Some(Value::Int(6)));
    assert_eq!(world.metric(id, "lifetime_spend", "1997-01-06"), Some(Value::Double(119.94)));
    assert!(world.profile(id).audiences.is_empty());
    world.order("ann", "1997-01-07", "400.01");
    assert!(world.profile(id).audiences.contains_key("big_spenders"));
    world.verify();
}

#[test]
fn a_header_of_a_typical_purchase_is_small() {
    let mut world = World::new(SHOP);
    let mut id = world.order("ann", "1997-01-01", "19.99");
    id = world.order("ann", "1997-01-02", "19.99").max(id);
    let last = world.journal[&id].last().expect("a record");
    assert!(last.header.len() < 250, "{} bytes", last.header.len());
}
