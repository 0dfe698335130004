//! What one node does for all, and what all of them know.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use runtime::{Environment, Greenroom, environment::Options, keys::KeyKind, nodes::SESSION};
use testing::{Database, Store};

use crate::{
    cluster::cluster,
    ground::{self, SHOP, ada, apply, at, order, send, state},
};

/// Looks again and again until it is so.
async fn comes_true(what: &str, patience: Duration, mut so: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + patience;
    while !so().await {
        assert!(Instant::now() < give_up, "not after {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many nodes there are, as a node hears it, and how many of them fire due work.
async fn heard(environment: &Environment) -> (usize, usize) {
    let nodes = environment.nodes().await.expect("the store answers");
    let firing = nodes.iter().filter(|node| node.duties.iter().any(|duty| duty == "timers")).count();
    (nodes.len(), firing)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_known_everywhere_when_it_is_acknowledged() {
    let cluster = cluster(3, SHOP).await;
    let (first, second) = (cluster.live(0), cluster.live(1));
    comes_true("three nodes", SESSION, async || heard(&first).await == (3, 1)).await;
    for round in 0..6 {
        let (asked, others) = if round % 2 == 0 { (&first, [1, 2]) } else { (&second, [0, 2]) };
        let key = asked.make_key(ada(), KeyKind::Write, "k", Vec::new(), None).await.expect("it is made");
        for no in others {
            let greenroom = &cluster.nodes[no];
            greenroom.authenticate(&key.token).expect("the others know the key");
            assert_eq!(greenroom.environment("live").expect("well").state().epoch, asked.state().epoch);
        }
        asked.revoke_key(ada(), &key.row.id).await.expect("it is revoked");
        for no in others {
            cluster.nodes[no].authenticate(&key.token).err().expect("and that it is no good any more");
        }
    }
    // A head that moved is seen by those who read.
    apply(&first, &SHOP.replace("> 100.0", "> 10.0")).await;
    assert_eq!(second.rules().basis, first.rules().basis);
    assert_eq!(second.state().head, first.state().head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn environments_and_administrators_made_on_one_node_are_seen_by_the_others() {
    let cluster = cluster(2, SHOP).await;
    let [one, two] = &cluster.nodes[..] else { panic!("two nodes") };
    one.create_environment("uat", ada()).await.expect("it is made");
    let (_, token) = one.make_administrator("Grace").await.expect("well");
    comes_true("the environment", Duration::from_secs(10), async || two.environment("uat").is_some()).await;
    comes_true("the administrator", Duration::from_secs(10), async || two.authenticate(&token).is_ok()).await;
    let uat = two.environment("uat").expect("it is there");
    apply(&uat, SHOP).await;
    let seen = one.environment("uat").expect("it is there").state();
    assert_eq!(seen.head, uat.state().head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn due_work_moves_on_when_its_node_is_gone() {
    let store = Store::postgres().await;
    let first = ground::open(&store, Options { node: "first".into(), ..Options::default() }).await;
    apply(&first.environment("live").expect("well"), SHOP).await;
    let second = ground::open(&store, Options { node: "second".into(), ..Options::default() }).await;
    let live = second.environment("live").expect("well");
    let whose = async || {
        let nodes = live.nodes().await.expect("the store answers");
        let firing = nodes.into_iter().filter(|node| node.duties.iter().any(|duty| duty == "timers"));
        firing.map(|node| node.name).collect::<Vec<_>>()
    };
    comes_true("both are there", SESSION, async || heard(&live).await.0 == 2).await;
    assert_eq!(whose().await, ["first"], "whoever came first");
    // One that leaves in order gives it up at once.
    let third = ground::open(&store, Options { node: "third".into(), ..Options::default() }).await;
    comes_true("three are there", SESSION, async || heard(&live).await.0 == 3).await;
    first.stop().await.expect("it stops");
    drop(first);
    comes_true("somebody else does it", SESSION / 2, async || !whose().await.is_empty()).await;
    third.stop().await.expect("it stops");
    comes_true("the last one does it", SESSION / 2, async || whose().await == ["second"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn due_work_moves_on_when_its_node_is_killed() {
    let store = Arc::new(Store::postgres().await);
    let (began, has_begun) = tokio::sync::oneshot::channel();
    let (kill, killed) = std::sync::mpsc::channel::<()>();
    // On threads of its own, which end in the middle of whatever they do.
    let its_store = Arc::clone(&store);
    let dying = tokio::task::spawn_blocking(move || {
        let threads = tokio::runtime::Runtime::new().expect("threads");
        let greenroom = threads.block_on(ground::open(&its_store, Options::default()));
        began.send(()).expect("somebody waits");
        killed.recv().expect("it is killed");
        threads.shutdown_background();
        drop(greenroom);
    });
    has_begun.await.expect("it begins");
    let heir = ground::open(&store, Options { node: "heir".into(), ..Options::default() }).await;
    let live = heir.environment("live").expect("well");
    comes_true("both are there", SESSION, async || heard(&live).await == (2, 1)).await;
    kill.send(()).expect("it is there");
    dying.await.expect("it ends");
    let begun = Instant::now();
    comes_true("the heir does it", SESSION * 2, async || {
        let nodes = live.nodes().await.expect("the store answers");
        nodes.iter().any(|node| node.name == "heir" && node.duties.len() == 2)
    })
    .await;
    assert!(begun.elapsed() > SESSION / 2, "not before its time: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fires_by_the_clock_while_one_takes_in_history() {
    let rolling = SHOP.to_owned()
        + r"---
kind: metric
key: recent
spec: {event: order_completed, aggregate: count, window: {rolling_days: 7}}
---
kind: audience
key: active
spec: {condition: profile.metrics.recent > 0}
";
    let cluster = cluster(2, &rolling).await;
    let (firing, importing) = (cluster.live(0), cluster.live(1));
    comes_true("two nodes, the first of which fires", SESSION, async || {
        let nodes = firing.nodes().await.expect("the store answers");
        nodes.len() == 2 && heard(&firing).await.1 == 1
    })
    .await;
    let held = importing.hold_timers().await;
    // By the clock of today this order of 2025 is long out of the window.
    send(&importing, vec![order("m1", "ann", "40", at("2025-03-01T10:00:00Z"))]).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(state(&importing, "ann").await.audiences.contains_key("active"), "as of the order's own time");
    let seen = firing.nodes().await.expect("the store answers");
    assert_eq!(seen.iter().filter(|node| node.holds_timers).count(), 1);
    drop(held);
    comes_true("due work fires", SESSION * 2, async || {
        !state(&importing, "ann").await.audiences.contains_key("active")
    })
    .await;
    let records = importing.store().record_count().await.expect("it reads");
    assert_eq!(records, 2, "the order, and one timer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_is_refused_before_anything_stops_while_another_node_serves() {
    let store = Store::postgres().await;
    let first = ground::open(&store, Options { node: "first".into(), ..Options::default() }).await;
    let live = first.environment("live").expect("well");
    apply(&live, SHOP).await;
    let backup = store.folder().join("backup");
    live.store().backup(&backup).await.expect("it is backed up");
    let second = ground::open(&store, Options { node: "second".into(), ..Options::default() }).await;
    comes_true("two nodes", SESSION, async || heard(&live).await.0 == 2).await;

    let refused = first.restore_environment("live", &backup, ada()).await.err().expect("not now").to_string();
    assert!(refused.contains("other nodes serve environment `live` as well: second."), "{refused}");
    assert_eq!(first.unopened(), []);
    // The same handles as before: nothing was stopped.
    send(&live, vec![order("m1", "u1", "5", live.now())]).await;
    let elsewhere = second.environment("live").expect("it serves");
    send(&elsewhere, vec![order("m2", "u1", "5", live.now())]).await;

    second.stop().await.expect("it stops");
    let restored = first.restore_environment("live", &backup, ada()).await.expect("nobody else is there");
    assert_eq!(restored.store().record_count().await.expect("it reads"), 0);
    first.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lives_through_a_restore_opens_the_environment_anew() {
    let database = Database::make().await;
    let folder = Store::sqlite();
    let backend = database.backend().await;
    let clock = Arc::new(runtime::clock::SystemClock);
    let greenroom =
        Greenroom::open(backend, ground::MASTER_KEY, clock, Options::default()).await.expect("well");
    let live = greenroom.environment("live").expect("well");
    apply(&live, SHOP).await;
    let key = live.make_key(ada(), KeyKind::Write, "k", Vec::new(), None).await.expect("it is made");
    let backup = folder.folder().join("backup");
    live.store().backup(&backup).await.expect("it is backed up");
    send(&live, vec![order("m1", "u1", "5", live.now())]).await;

    // It is restored while the node has no connection.
    let (superuser, role) = (database.superuser().await, database.role("live").await.0);
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
    let other = database.backend().await;
    let restored = loop {
        superuser.query(terminate, &[&role]).await.expect("a superuser may");
        match other.restore("live", &backup, live.now()).await {
            Err(store::Error::Refused(why)) => assert!(why.contains("connections"), "{why}"),
            restored => break restored.expect("nobody is connected"),
        }
    };
    restored.close().await.expect("it closes");
    comes_true("it is opened anew", Duration::from_secs(20), async || {
        if let Err(why) = greenroom.authenticate(&key.token) {
            assert!(matches!(why, runtime::install::Unauthenticated::Unopened(_)), "{why}");
        }
        greenroom.environment("live").is_some_and(|now| !Arc::ptr_eq(&now, &live))
    })
    .await;
    let anew = greenroom.environment("live").expect("it is open");
    assert_eq!(anew.store().record_count().await.expect("it reads"), 0, "as it was backed up");
    send(&anew, vec![order("m1", "u1", "5", anew.now())]).await;
    greenroom.authenticate(&key.token).expect("its key is known");
    assert_eq!(greenroom.unopened(), []);
    greenroom.stop().await.expect("it stops");
}
