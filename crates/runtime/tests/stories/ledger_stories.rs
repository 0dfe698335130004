//! Points: earned once, taken by hand, reversed, never more than a budget.

use engine::{Command, input::Order};
use runtime::{Error, ingest::ItemOutcome};
use serde_json::json;

use crate::ground::{SHOP, ada, apply, at, ground, holds, order, points, send, state, track, user, with};

fn command(order: Order) -> Command {
    Command { actor: ada().to_string(), reason: "goodwill".into(), order }
}

#[tokio::test]
async fn an_order_earns_once_whichever_road_it_comes_by() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let first = send(&live, vec![order("m1", "u1", "59.99", when)]).await;
    assert!(matches!(&first[0], ItemOutcome::Decided(decided) if decided.fired == ["points_for_orders"]));
    let again = send(&live, vec![order("m1", "u1", "59.99", when), order("m2", "u1", "10.00", when)]).await;
    assert_eq!(again[0], ItemOutcome::Duplicate { by: "message_id".into() });
    let other_road = with(order("m3", "u1", "59.99", when), "order_id", json!("o-m1"));
    let other = send(&live, vec![other_road]).await;
    assert_eq!(other[0], ItemOutcome::Duplicate { by: "properties.order_id".into() });
    assert_eq!(points(&live, "u1").await, 69);
    holds(&live).await;
    drop(live);
    let ground = ground.reopen().await;
    let live = ground.live();
    let late = send(&live, vec![order("m2", "u1", "10.00", when)]).await;
    assert_eq!(late[0], ItemOutcome::Duplicate { by: "message_id".into() }, "for ever, not until a restart");
    assert_eq!(points(&live, "u1").await, 69);
}

#[tokio::test]
async fn two_copies_in_one_request_count_once() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let outcomes = send(&live, vec![order("m1", "u1", "7", when), order("m1", "u1", "7", when)]).await;
    assert!(matches!(outcomes[0], ItemOutcome::Decided(_)));
    assert_eq!(outcomes[1], ItemOutcome::Duplicate { by: "message_id".into() });
    assert_eq!(points(&live, "u1").await, 7);
    holds(&live).await;
}

#[tokio::test]
async fn orders_by_hand_are_idempotent_and_never_overdraw() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    send(&live, vec![order("m1", "u1", "100", at("2025-03-01T10:00:00Z"))]).await;
    let profile = user(&live, "u1").await;
    let credit = || command(Order::Credit { currency: "points".into(), amount: 50 });
    let first = live.order(profile, credit(), Some("k1".into())).await.expect("it credits");
    assert!(!first.replayed);
    let again = live.order(profile, credit(), Some("k1".into())).await.expect("it answers again");
    assert!(again.replayed);
    assert_eq!((again.n, &again.groups), (first.n, &first.groups));
    let other = command(Order::Credit { currency: "points".into(), amount: 51 });
    assert!(matches!(live.order(profile, other, Some("k1".into())).await, Err(Error::KeyReused)));
    assert_eq!(points(&live, "u1").await, 150);
    let debit = command(Order::Debit { currency: "points".into(), amount: 151 });
    let refused = live.order(profile, debit, None).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("150")), "it says what there is");
    let debit = command(Order::Debit { currency: "points".into(), amount: 120 });
    let taken = live.order(profile, debit, None).await.expect("it debits");
    assert_eq!(points(&live, "u1").await, 30);
    let group = ledger::GroupId { profile, n: taken.n, index: 0 };
    let reversal = live.reversal(profile, group).await.expect("it is there");
    live.order(profile, command(reversal.clone()), None).await.expect("it reverses");
    assert_eq!(points(&live, "u1").await, 150);
    assert!(live.order(profile, command(reversal), None).await.is_err(), "only once");
    holds(&live).await;
}

const BUDGETED: &str = r"
kind: event_type
key: visit
spec: {name: Visit, schema: {type: object}}
---
kind: currency
key: points
spec: {name: Points}
---
kind: reactor
key: first_come
spec:
  trigger: {event: visit}
  budget: {currency: points, amount: 1000, when_short: part}
  actions: [{award: {currency: points, amount: 7}}]
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_never_overdrawn_by_many_at_once() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, BUDGETED).await;
    let when = at("2025-03-01T10:00:00Z");
    let clients = (0..16).map(|client| {
        let live = live.clone();
        tokio::spawn(async move {
            for visit in 0..20 {
                let id = format!("c{client}-{visit}");
                send(&live, vec![track(&id, &format!("u{client}"), "Visit", json!({}), when)]).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("the client ends");
    }
    let mut total = 0;
    for client in 0..16 {
        total += points(&live, &format!("u{client}")).await;
    }
    assert_eq!(total, 1_000, "320 visits asked for 2,240");
    holds(&live).await;
}

#[tokio::test]
async fn erased_means_gone_and_the_ledger_still_balances() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let marked = with(order("m1", "u1", "100", when), "note", json!("MARKER-OF-A-PERSON"));
    send(&live, vec![marked, order("m2", "u2", "5", when)]).await;
    assert!(ground.store.holds("MARKER-OF-A-PERSON").await, "or nothing could be found gone");
    let profile = user(&live, "u1").await;
    live.order(profile, command(Order::Erase), None).await.expect("it erases");
    let gone = live.find_profile(&engine::Identity::User("u1".into())).await.expect("it reads");
    assert_eq!(gone, None);
    let sums = live.store().sums().await.expect("sums");
    let held: i64 = sums.iter().filter(|sum| sum.1.of_profile()).map(|sum| sum.2).sum();
    assert_eq!(held, 5, "what the erased held is gone from the liability");
    holds(&live).await;
    // A late retry has no effect, and a new event makes a new person.
    let late = send(&live, vec![order("m1", "u1", "100", when), order("m3", "u1", "3", when)]).await;
    assert_eq!(late[0], ItemOutcome::Duplicate { by: "message_id".into() });
    assert_ne!(user(&live, "u1").await, profile);
    assert_eq!(points(&live, "u1").await, 3);
    holds(&live).await;
    ground.greenroom.stop().await.expect("it stops");
    assert!(!ground.store.holds("MARKER-OF-A-PERSON").await, "something still holds it");
}

#[tokio::test]
async fn spending_makes_members_of_an_audience() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    send(&live, vec![order("m1", "u1", "60.10", when), order("m2", "u1", "39.90", when)]).await;
    assert!(state(&live, "u1").await.audiences.is_empty(), "100.00 is not above 100");
    send(&live, vec![order("m3", "u1", "0.01", when)]).await;
    assert_eq!(live.store().member_counts().await.expect("counts"), [("big_spenders".into(), 1)]);
    holds(&live).await;
}
