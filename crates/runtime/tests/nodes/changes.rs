//! A promotion on one node under load on the others.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use runtime::ingest::{Incoming, ItemOutcome};

use crate::{
    cluster::{Cluster, cluster},
    ground::{SHOP, apply, at, holds, order, points},
};

const CLIENTS: usize = 6;
const PROMOTIONS: usize = 15;
/// So many events between two promotions: more than are under way at any moment.
const EVENTS: usize = CLIENTS * 6;
const PATIENCE: Duration = Duration::from_secs(30);

/// What clients share.
#[derive(Default)]
struct Shared {
    /// The epoch of the last promotion that was acknowledged.
    acknowledged: AtomicU64,
    over: AtomicBool,
    events: AtomicUsize,
}

impl Shared {
    /// Waits until some more events have been decided.
    async fn some(&self) {
        let (enough, give_up) = (self.events.load(Ordering::Acquire) + EVENTS, Instant::now() + PATIENCE);
        while self.events.load(Ordering::Acquire) < enough {
            assert!(Instant::now() < give_up, "no {EVENTS} events within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// What a client was told of an event: under which epoch it was decided, and what it gave.
type Told = (u64, i64);

/// Sends one order after another through a node of its own until it is over.
async fn client(cluster: Arc<Cluster>, no: usize, shared: Arc<Shared>) -> Vec<Told> {
    let live = cluster.live(1 + no % (cluster.nodes.len() - 1));
    let mut told = Vec::new();
    while !shared.over.load(Ordering::Acquire) {
        let id = format!("c{no}-{}", told.len());
        let message = order(&id, &format!("u{no}"), "40", at("2025-03-01T10:00:00Z"));
        let epoch_min = shared.acknowledged.load(Ordering::Acquire);
        let item = || Incoming::Message(Box::new(message.clone()));
        let outcome = live.ingest(vec![item()], 1_000).await.expect("no request fails").remove(0);
        let ItemOutcome::Decided(decided) = outcome else { panic!("{outcome:?}") };
        assert!(
            decided.epoch >= epoch_min,
            "{id} was decided under {} after {epoch_min} was acknowledged",
            decided.epoch
        );
        told.push((decided.epoch, decided.points[0].1));
        shared.events.fetch_add(1, Ordering::AcqRel);
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_is_decided_under_what_was_before_an_acknowledged_promotion() {
    let doubled = SHOP.replace("points, of: properties.total}", "points, of: properties.total, rate: 2}");
    let cluster = Arc::new(cluster(3, SHOP).await);
    let shared = Arc::new(Shared::default());
    let clients: Vec<_> =
        (0..CLIENTS).map(|no| tokio::spawn(client(Arc::clone(&cluster), no, Arc::clone(&shared)))).collect();
    shared.some().await;
    let promoting = cluster.live(0);
    let mut epochs = vec![(promoting.state().epoch, 40)];
    for promotion in 0..PROMOTIONS {
        let (program, points) = if promotion % 2 == 0 { (&*doubled, 80) } else { (SHOP, 40) };
        let applied = apply(&promoting, program).await;
        shared.acknowledged.store(applied.epoch, Ordering::Release);
        epochs.push((applied.epoch, points));
        shared.some().await;
    }
    shared.over.store(true, Ordering::Release);
    let mut seen = BTreeSet::new();
    for (no, client) in clients.into_iter().enumerate() {
        let told = client.await.expect("no request fails");
        for (epoch, points) in &told {
            assert!(epochs.contains(&(*epoch, *points)), "epoch {epoch} gives no {points}: {epochs:?}");
            seen.insert(*epoch);
        }
        assert_eq!(points(&promoting, &format!("u{no}")).await, told.iter().map(|told| told.1).sum::<i64>());
    }
    assert_eq!(seen.len(), epochs.len(), "load under each of {epochs:?}");
    // Whoever has not come since is brought under the new program by somebody.
    for _ in 0..500 {
        if promoting.sweep_progress().await.expect("it reads").0 == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holds(&promoting).await;
}
