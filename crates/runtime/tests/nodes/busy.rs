//! A member who is in every batch of every node.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use engine::{Fault, Input, Profile, Proposal, Rules, Times};
use runtime::{
    Environment,
    environment::Options,
    ingest::{Decided, Incoming, ItemOutcome},
};
use testing::Store;

use crate::{
    cluster::patiently,
    ground::{self, SHOP, apply, at, holds, order, points, track, user},
};

const NODES: usize = 2;
const CLIENTS: usize = 8;
const POSTS: usize = 20;
/// How many events a POST has; two of them are the busy member's, once by name and once by the device.
const EVENTS: usize = 24;

/// Whom a client sends events of besides: nobody else does.
const PEOPLE: usize = 50;

/// On top of what orders earn: points from a budget that is used up on the way.
const MORE: &str = r"
---
kind: event_type
key: visit
spec: {name: Visit, schema: {type: object}}
---
kind: reactor
key: for_visits
spec:
  trigger: {event: visit}
  budget: {currency: points, amount: 200, when_short: part}
  actions: [{award: {currency: points, amount: 3}}]
";

/// Decisions about anybody else's events.
static OTHERS: AtomicU64 = AtomicU64::new(0);

fn counted(rules: &Rules, profile: &Profile, input: &Input, times: Times) -> Result<Proposal, Fault> {
    if let Input::Message(message, _) = input
        && message.user_id.as_ref().is_some_and(|user| user != "busy")
    {
        OTHERS.fetch_add(1, Ordering::Relaxed);
    }
    engine::decide(rules, profile, input, times)
}

/// Sends one POST after another; what became of the busy member's events, and how many points anybody was told of.
async fn client(live: Arc<Environment>, no: usize, visits: bool) -> (Vec<Decided>, i64) {
    let when = at("2025-03-01T10:00:00Z");
    let (mut busy, mut told) = (Vec::new(), 0);
    for post in 0..POSTS {
        let messages: Vec<_> = (0..EVENTS)
            .map(|event| {
                let id = format!("c{no}-{post}-{event}");
                match event {
                    5 => order(&id, "busy", "1", when),
                    17 => {
                        let mut by_device = order(&id, "busy", "1", when);
                        by_device.anonymous_id = Some("till".into());
                        if post % 2 == 1 {
                            by_device.user_id = None;
                        }
                        by_device
                    }
                    9 if visits => track(&id, "busy", "Visit", serde_json::json!({}), when),
                    _ => order(&id, &format!("u{no}-{}", (post * 7 + event) % PEOPLE), "2", when),
                }
            })
            .collect();
        let items = || {
            messages.iter().map(|message| Incoming::Message(Box::new(message.clone()))).collect::<Vec<_>>()
        };
        let outcomes = patiently(|| live.ingest(items(), 1_000)).await.expect("it is taken");
        for (event, outcome) in outcomes.into_iter().enumerate() {
            let ItemOutcome::Decided(decided) = outcome else { panic!("{outcome:?}") };
            told += decided.points.iter().map(|(_, points)| points).sum::<i64>();
            if [5, 17].contains(&event) || visits && event == 9 {
                busy.push(decided);
            }
        }
    }
    (busy, told)
}

/// All clients at once; gives how often an event of anybody else was decided.
async fn rush(visits: bool) -> f64 {
    let store = Store::postgres().await;
    let options = || Options { decide: counted, ..Options::default() };
    let mut nodes = vec![ground::open(&store, options()).await];
    let first = nodes[0].environment("live").expect("it is there");
    apply(&first, &format!("{SHOP}{MORE}")).await;
    while nodes.len() < NODES {
        nodes.push(ground::open(&store, options()).await);
    }
    let live = |no: usize| nodes[no % NODES].environment("live").expect("it is there");
    ground::send(&first, vec![order("k", "busy", "1", at("2025-02-01T10:00:00Z"))]).await;
    let before = OTHERS.load(Ordering::Relaxed);
    let clients: Vec<_> = (0..CLIENTS).map(|no| tokio::spawn(client(live(no), no, visits))).collect();
    let (mut busy, mut told) = (Vec::new(), 1);
    for client in clients {
        let (of_busy, points) = client.await.expect("it ends");
        busy.extend(of_busy);
        told += points;
    }
    let decided = OTHERS.load(Ordering::Relaxed) - before;
    // Each of their events is told the place that it has in the end, and what it gave there.
    let profile = user(&first, "busy").await;
    assert!(busy.iter().all(|decided| decided.profile == profile));
    let places: BTreeSet<u64> = busy.iter().map(|decided| decided.n).collect();
    assert_eq!(places, (2..=1 + busy.len() as u64).collect());
    let given: i64 = busy.iter().flat_map(|decided| &decided.points).map(|(_, points)| points).sum();
    assert_eq!(points(&first, "busy").await, 1 + given);
    let sums = first.store().sums().await.expect("the store answers");
    let issued: i64 = sums.iter().filter(|sum| sum.1 == ledger::Account::Issued).map(|sum| sum.2).sum();
    assert_eq!(issued, -told, "{sums:?}");
    let counts: u64 = (0..NODES).map(|no| live(no).live().counts().values().sum::<u64>()).sum();
    assert_eq!(counts, 1 + (CLIENTS * POSTS * EVENTS) as u64, "each event is counted once");
    for no in 0..NODES {
        holds(&live(no)).await;
    }
    let of_others = CLIENTS * POSTS * (EVENTS - if visits { 3 } else { 2 });
    let events = u32::try_from(of_others).expect("not that many");
    f64::from(u32::try_from(decided).expect("not that many")) / f64::from(events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_their_events_are_decided_again() {
    for visits in [false, true] {
        let times = rush(visits).await;
        // Devices and members that both nodes meet for the first time are whole batches' affair.
        assert!(times < 1.2, "an event was decided {times:.2} times");
    }
}
