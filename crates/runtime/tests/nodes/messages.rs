//! One message by two roads at once.

use engine::{Identity, Message};
use runtime::{
    Environment,
    ingest::{Incoming, ItemOutcome},
};

use crate::{
    cluster::{cluster, patiently},
    ground::{SHOP, at, holds, order, points, state},
};

const ROUNDS: usize = 150;

async fn outcome(environment: &Environment, message: Message) -> ItemOutcome {
    let item = || Incoming::Message(Box::new(message.clone()));
    patiently(|| environment.ingest(vec![item()], 1_000)).await.expect("it is taken").remove(0)
}

fn decided(outcomes: &[&ItemOutcome]) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome, ItemOutcome::Decided(_))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_effect_by_whichever_node() {
    let cluster = cluster(2, SHOP).await;
    let (a, b) = (cluster.live(0), cluster.live(1));
    let when = at("2025-03-01T10:00:00Z");
    for round in 0..ROUNDS {
        let message = order(&format!("m{round}"), "u1", "3", when);
        let (x, y) = tokio::join!(outcome(&a, message.clone()), outcome(&b, message));
        assert_eq!(decided(&[&x, &y]), 1, "round {round}: {x:?} {y:?}");
    }
    assert_eq!(points(&a, "u1").await, 3 * i64::try_from(ROUNDS).expect("a few"));
    assert_eq!(state(&b, "u1").await.n, ROUNDS as u64);
    holds(&a).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_names_one_event_whoever_it_is_about() {
    let cluster = cluster(2, SHOP).await;
    let (a, b) = (cluster.live(0), cluster.live(1));
    let when = at("2025-03-01T10:00:00Z");
    let mut by_node = [0, 0];
    for round in 0..ROUNDS {
        let id = format!("m{round}");
        // New people each time: their profiles would have the same id, too.
        let users = [format!("one-{round}"), format!("two-{round}")];
        let (x, y) = tokio::join!(
            outcome(&a, order(&id, &users[0], "3", when)),
            outcome(&b, order(&id, &users[1], "3", when))
        );
        assert_eq!(decided(&[&x, &y]), 1, "round {round}: {x:?} {y:?}");
        for (no, (user, outcome)) in users.iter().zip([&x, &y]).enumerate() {
            let known = a.find_profile(&Identity::User(user.clone())).await.expect("it reads").is_some();
            assert_eq!(known, decided(&[outcome]) == 1, "{user}");
            by_node[no] += usize::from(known);
        }
    }
    assert_eq!(by_node[0] + by_node[1], ROUNDS);
    holds(&a).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_two_environments_it_is_two_events() {
    let cluster = cluster(2, SHOP).await;
    let (live, staging) = (cluster.live(0), cluster.at(1, "staging"));
    let when = at("2025-03-01T10:00:00Z");
    for round in 0..ROUNDS / 5 {
        let message = order(&format!("m{round}"), "u1", "3", when);
        let (x, y) = tokio::join!(outcome(&live, message.clone()), outcome(&staging, message));
        assert_eq!(decided(&[&x, &y]), 2, "round {round}: {x:?} {y:?}");
    }
    let each = 3 * i64::try_from(ROUNDS / 5).expect("a few");
    assert_eq!(points(&cluster.live(1), "u1").await, each);
    assert_eq!(points(&cluster.at(0, "staging"), "u1").await, each);
}
