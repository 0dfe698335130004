//! Batches that are committed together.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use store::{
    Commit, Environment, Error, Step, Writes,
    conformance::{
        Bench,
        batch::{Stepping, commit, life, must, outbox, profile},
    },
};
use store_sqlite::{Options, SqliteBackend};

/// Holds the writer in a batch until told to go on, so that all that is sent meanwhile is one group.
fn hold(environment: &Arc<dyn Environment>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (go_on, wait) = mpsc::channel();
    let environment = Arc::clone(environment);
    let held = tokio::spawn(async move {
        let step = move |_: &[store::Granted]| {
            let _ = wait.recv();
            Step::Write(Box::new(life(profile(100), 0, 1)))
        };
        let outcome = environment.commit(0, Box::new(Stepping(step))).await.expect("it is well");
        assert_eq!(outcome, Commit::Committed);
    });
    (go_on, held)
}

/// What a refused batch had written already is forgotten, also where the writer remembers where profiles stand.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_refused_late_leaves_no_trace_in_the_next() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a folder can be made");
    let backend = SqliteBackend::open(&data, Options::default()).expect("nobody holds it");
    let bench = Bench { backend: Arc::new(backend), scratch, keep: Box::new(folder) };
    let pair = bench.pair("one").await;
    let id = profile(1);
    must(&pair.a, 0, life(id, 0, 1)).await;

    let (go_on, held) = hold(&pair.a);
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Refused after its profile rows were written: its outbox row belongs to no record of it.
    let late = Writes { outbox: vec![outbox(profile(7), 1, 0, "{}")], ..life(id, 1, 2) };
    let environment = Arc::clone(&pair.a);
    let refused = tokio::spawn(async move { commit(&environment, 0, late).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let environment = Arc::clone(&pair.b);
    let next = tokio::spawn(async move { commit(&environment, 0, life(id, 1, 2)).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    go_on.send(()).expect("it waits");

    held.await.expect("it is committed");
    let refused = refused.await.expect("it ends");
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(next.await.expect("it ends").expect("it is well"), Commit::Committed);
    must(&pair.a, 0, life(id, 2, 3)).await;
    assert_eq!(pair.a.check().await.expect("it is well"), Vec::<String>::new());
}
