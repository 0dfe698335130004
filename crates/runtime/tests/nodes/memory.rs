//! What a node remembers of a member is not the truth: another may have decided since.

use engine::{Command, input::Order};

use crate::{
    cluster::cluster,
    ground::{SHOP, ada, at, holds, order, points, send, user},
};

/// Points can be spent after three days.
const PENDING: &str = r"
kind: event_type
key: order_completed
spec:
  name: Order Completed
  schema: {type: object, required: [total], properties: {total: {type: number}, order_id: {type: string}}}
---
kind: currency
key: points
spec: {name: Points, pending_days: 3}
---
kind: reactor
key: points_for_orders
spec:
  trigger: {event: order_completed}
  actions: [{award: {currency: points, of: properties.total}}]
";

fn by_hand(order: Order) -> Command {
    Command { actor: ada().to_string(), reason: "goodwill".into(), order }
}

#[tokio::test]
async fn what_is_earned_on_one_node_can_be_spent_on_another_at_once() {
    let cluster = cluster(2, SHOP).await;
    let (a, b) = (cluster.live(0), cluster.live(1));
    let when = at("2025-03-01T10:00:00Z");
    // Both have them in memory.
    send(&a, vec![order("m1", "u1", "1", when)]).await;
    send(&b, vec![order("m2", "u1", "1", when)]).await;
    let profile = user(&a, "u1").await;
    for round in 0..20 {
        send(&a, vec![order(&format!("a{round}"), "u1", "100", when)]).await;
        let debit = by_hand(Order::Debit { currency: "points".into(), amount: 102 });
        b.order(profile, debit, None).await.expect("it was acknowledged that they have 102");
        let credit = by_hand(Order::Credit { currency: "points".into(), amount: 2 });
        b.order(profile, credit, None).await.expect("anybody may give");
    }
    assert_eq!(points(&a, "u1").await, 2);
    holds(&a).await;
}

#[tokio::test]
async fn who_was_erased_on_one_node_is_gone_on_another() {
    let cluster = cluster(2, SHOP).await;
    let (a, b) = (cluster.live(0), cluster.live(1));
    let when = at("2025-03-01T10:00:00Z");
    send(&b, vec![order("m1", "u1", "10", when)]).await;
    let erased = user(&b, "u1").await;
    a.order(erased, by_hand(Order::Erase), None).await.expect("it erases");
    let credit = by_hand(Order::Credit { currency: "points".into(), amount: 5 });
    assert!(b.order(erased, credit, None).await.is_err(), "nobody is there to be given anything");
    // Who comes by that name now is somebody else.
    send(&b, vec![order("m2", "u1", "3", when)]).await;
    assert_ne!(user(&b, "u1").await, erased);
    assert_eq!(points(&a, "u1").await, 3);
    holds(&a).await;
}

#[tokio::test]
async fn what_is_due_since_another_node_decided_is_done() {
    let cluster = cluster(2, PENDING).await;
    let (a, b) = (cluster.at(0, "staging"), cluster.at(1, "staging"));
    a.advance_clock(ada(), at("2030-01-01T12:00:00Z")).await.expect("the clock moves");
    // As far as the first remembers there is nothing that could ever be due.
    send(&a, vec![order("m1", "u1", "0", at("2030-01-01T12:00:00Z"))]).await;
    send(&b, vec![order("m2", "u1", "40", at("2030-01-01T12:00:00Z"))]).await;
    assert_eq!(points(&a, "u1").await, 0, "pending");
    a.advance_clock(ada(), at("2030-01-05T00:00:00Z")).await.expect("the clock moves");
    assert_eq!(points(&a, "u1").await, 40, "matured");
    holds(&a).await;
}
