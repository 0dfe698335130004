//! One budget for all.

use serde_json::json;

use crate::{
    cluster::{cluster, patiently},
    ground::{at, holds, points, track},
};
use runtime::ingest::Incoming;

const CLIENTS: usize = 64;
const VISITS: usize = 6;

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
async fn a_budget_is_used_up_and_never_overdrawn() {
    let cluster = cluster(3, BUDGETED).await;
    let when = at("2025-03-01T10:00:00Z");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let live = cluster.live(client);
            tokio::spawn(async move {
                for visit in 0..VISITS {
                    let visit =
                        track(&format!("c{client}-{visit}"), &format!("u{client}"), "Visit", json!({}), when);
                    patiently(|| live.ingest(vec![Incoming::Message(Box::new(visit.clone()))], 1_000))
                        .await
                        .expect("it is taken");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("it ends");
    }
    let mut given = 0;
    for client in 0..CLIENTS {
        given += points(&cluster.live(0), &format!("u{client}")).await;
    }
    assert_eq!(given, 1_000, "{} visits asked for {}", CLIENTS * VISITS, CLIENTS * VISITS * 7);
    holds(&cluster.live(0)).await;
}
