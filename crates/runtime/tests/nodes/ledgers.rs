//! The same input gives the same ledger, whatever keeps it and however many decide it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine::{Identity, Message};
use jiff::{SignedDuration, Timestamp};
use ledger::ProfileId;
use runtime::{
    Environment, Greenroom,
    environment::Options,
    ingest::{Incoming, ItemOutcome},
};
use testing::Store;

use crate::{
    cluster::{cluster, patiently},
    ground::{self, apply, at, holds, order},
};

/// Points that are pending at first and end after a while, so that due work is part of it; one order in three is
/// worth more.
const PROGRAM: &str = r"
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
key: orders_30d
spec: {event: order_completed, aggregate: count, window: {rolling_days: 30}}
---
kind: audience
key: regulars
spec: {condition: profile.metrics.orders_30d >= 3}
---
kind: reactor
key: points_for_orders
spec:
  trigger: {event: order_completed}
  actions: [{award: {currency: points, of: properties.total}}]
---
kind: reactor
key: more_for_regulars
spec:
  trigger: {event: order_completed}
  condition: in_audience('regulars')
  actions: [{award: {currency: points, amount: 5}}]
";

const PEOPLE: usize = 24;
const EVENTS: usize = 30;

/// All that somebody does, in order: first as a stranger on some device, then by name, at last from another one.
fn life(person: usize) -> Vec<Message> {
    let mut when: Timestamp = at("1997-01-03T10:00:00Z");
    let mut events = Vec::new();
    for n in 0..EVENTS {
        // Some days apart, now and then so long that everything has ended.
        let hours = 5 + (person * 31 + n * 17) % 90 + if n % 11 == 10 { 60 * 24 } else { 0 };
        when += SignedDuration::from_hours(i64::try_from(hours).unwrap());
        let total = format!("{}.{:02}", 1 + (person * 7 + n * 13) % 80, (person + n * 29) % 100);
        let mut message = order(&format!("p{person}-{n}"), &format!("u{person}"), &total, when);
        let device = if n < EVENTS - 5 { format!("d{person}") } else { format!("d{person}-new") };
        if n < 8 || n == EVENTS - 4 {
            message.user_id = None;
            message.anonymous_id = Some(device);
        } else if n % 3 == 0 {
            message.anonymous_id = Some(device);
        }
        events.push(message);
    }
    events
}

/// Everybody's life at once, each of them one event after another, each event through the next node.
async fn lived(nodes: Vec<Arc<Environment>>) -> BTreeMap<ProfileId, Vec<String>> {
    let mut held = Vec::new();
    for node in &nodes {
        held.push(node.hold_timers().await);
    }
    let people: Vec<_> = (0..PEOPLE)
        .map(|person| {
            let nodes = nodes.clone();
            tokio::spawn(async move {
                for (n, message) in life(person).into_iter().enumerate() {
                    let node = &nodes[(person + n) % nodes.len()];
                    let item = || Incoming::Message(Box::new(message.clone()));
                    let outcomes = patiently(|| node.ingest(vec![item()], 1_000)).await.expect("it is taken");
                    assert!(matches!(outcomes[0], ItemOutcome::Decided(_)), "{outcomes:?}");
                }
            })
        })
        .collect();
    for person in people {
        person.await.expect("it ends");
    }
    drop(held);
    // All has ended long ago; somebody sees to it.
    let first = &nodes[0];
    for _ in 0..500 {
        if first.store().due(first.now(), 1).await.expect("it reads").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holds(first).await;
    let mut ledgers = BTreeMap::new();
    for person in 0..PEOPLE {
        for identity in [
            Identity::User(format!("u{person}")),
            Identity::Anonymous(format!("d{person}")),
            Identity::Anonymous(format!("d{person}-new")),
        ] {
            // The streams of those merged into them, too: each began with a message of theirs.
            let found = first.find_profile(&identity).await.expect("it reads").expect("they were there");
            ledgers.insert(found, first.ledger_export(found).await.expect("it reads"));
        }
        for message in life(person) {
            let id = engine::decide::profile_id_for(&message.message_id);
            if first.profile(id).await.expect("it reads").is_some() {
                ledgers.insert(id, first.ledger_export(id).await.expect("it reads"));
            }
        }
    }
    ledgers
}

fn live(node: &Greenroom) -> Arc<Environment> {
    node.environment("live").expect("it is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_input_one_ledger() {
    let store = Store::sqlite();
    let embedded = ground::open(&store, Options::default()).await;
    apply(&live(&embedded), PROGRAM).await;
    let expected = lived(vec![live(&embedded)]).await;
    let text = format!("{expected:?}");
    for word in ["award", "mature", "expire", "merge_in", "merge_out", "more_for_regulars"] {
        assert!(text.contains(word), "it has to have some of each, but no {word}");
    }
    for count in [1, 3] {
        let cluster = cluster(count, PROGRAM).await;
        let found = lived(cluster.nodes.iter().map(|node| live(node)).collect()).await;
        assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{count} nodes");
        for (profile, lines) in &expected {
            assert_eq!(lines, &found[profile], "{profile} on {count} nodes");
        }
    }
}
