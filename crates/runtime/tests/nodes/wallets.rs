//! One wallet, many hands on two nodes.

use std::sync::Arc;

use engine::{Command, input::Order};
use ledger::ProfileId;
use runtime::Environment;

use crate::{
    cluster::{cluster, patiently},
    ground::{SHOP, ada, at, order, points, send, user},
};

const ROUNDS: usize = 1_000;
/// So many rounds go on at a time, each about a wallet of its own.
const AT_ONCE: usize = 20;
const HANDS: usize = 20;
/// What is in a wallet, and what each hand wants of it: enough for half of them.
const POINTS: i64 = 100;
const WANTED: i64 = 10;

/// Whether points were taken.
async fn take(environment: Arc<Environment>, profile: ProfileId, key: String) -> bool {
    let taken = patiently(|| {
        let order = Order::Debit { currency: "points".into(), amount: WANTED };
        let command = Command { actor: ada().to_string(), reason: "spent".into(), order };
        environment.order(profile, command, Some(key.clone()))
    });
    taken.await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_point_is_spent_twice() {
    let cluster = cluster(2, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    for first in (0..ROUNDS).step_by(AT_ONCE) {
        let rounds = first..first + AT_ONCE;
        let filling = rounds
            .clone()
            .map(|round| order(&format!("m{round}"), &format!("u{round}"), &POINTS.to_string(), when));
        send(&cluster.live(first), filling.collect()).await;
        let mut hands = Vec::new();
        for round in rounds.clone() {
            let profile = user(&cluster.live(0), &format!("u{round}")).await;
            for hand in 0..HANDS {
                let live = cluster.live(hand);
                hands.push((round, tokio::spawn(take(live, profile, format!("{round}-{hand}")))));
            }
        }
        let mut taken = [0; AT_ONCE];
        for (round, hand) in hands {
            taken[round - first] += i64::from(hand.await.expect("it ends"));
        }
        for round in rounds {
            let left = points(&cluster.live(0), &format!("u{round}")).await;
            let told = taken[round - first] * WANTED;
            assert_eq!((told, left), (POINTS, 0), "round {round}: told that they have spent, and left");
        }
    }
    let verified = cluster.live(1).verify(&runtime::work::Progress::default()).await.expect("it verifies");
    assert!(verified.passed(), "{:#?}", verified.findings);
}
