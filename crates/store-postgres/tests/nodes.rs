//! Several nodes: backends that know nothing of each other, over one database.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use store::{
    Backend, Beat, Commit, ControlWrites, CounterKey, Cursor, Deciding, Direction, Environment, Error,
    Granted, Heard, Step, Stream, Writes,
    conformance::{
        at,
        batch::{Stepping, claim, commit, demand, life, must, profile, record},
        identity, together,
    },
};
use store_postgres::Options;
use testing::Database;

/// Two nodes that serve the same environment.
async fn nodes(database: &Database, options: Options) -> [Arc<dyn Environment>; 2] {
    let (one, two) = (database.backend_with(options.clone()).await, database.backend_with(options).await);
    let a = one.create(identity("one"), at(0)).await.expect("it can be made");
    let b = two.open("one").await.expect("the other node sees it");
    [a, b]
}

fn control(n: u64) -> ControlWrites {
    ControlWrites { record: Some(record(Stream::Control, n)), ..ControlWrites::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_begin_at_once_make_one_of_everything() {
    let database = Database::make().await;
    let beginning = (0..4)
        .map(|_| {
            Box::pin(async {
                let backend = database.backend().await;
                let environment = backend.create(identity("one"), at(0)).await.expect("it is there");
                (backend, environment)
            }) as _
        })
        .collect();
    let begun: Vec<(Arc<dyn Backend>, Arc<dyn Environment>)> = together(beginning).await;
    for (n, (backend, environment)) in (0..).zip(&begun) {
        assert_eq!(backend.environments().await.expect("well").len(), 1);
        must(environment, 0, life(profile(1), n, n + 1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_has_one_writer_at_a_time_and_a_message_one_effect() {
    let database = Database::make().await;
    let [a, b] = nodes(&database, Options::default()).await;
    for round in 0..15_u32 {
        let shared = profile(0);
        let racing = (0..6_u32).map(|no| {
            let handle = Arc::clone(if no % 2 == 0 { &a } else { &b });
            // All of them write one profile; and all of them claim one message, each for a profile of its own.
            let writes = if no < 3 {
                life(shared, round.into(), u64::from(round) + 1)
            } else {
                let id = profile(1 + round * 10 + no);
                Writes { claims: vec![claim(round, id, 1)], ..life(id, 0, 1) }
            };
            Box::pin(async move { (no, commit(&handle, 0, writes).await.expect("well")) }) as _
        });
        let outcomes: Vec<(u32, Commit)> = together(racing.collect()).await;
        for half in [0..3, 3..6] {
            let won = outcomes.iter().filter(|(no, how)| half.contains(no) && *how == Commit::Committed);
            assert_eq!(won.count(), 1, "{outcomes:?}");
        }
    }
    assert_eq!(a.record_count().await.expect("well"), 30);
    assert_eq!(b.check().await.expect("well"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_never_overdrawn() {
    let database = Database::make().await;
    let [a, b] = nodes(&database, Options::default()).await;
    let got = Arc::new(Mutex::new(Vec::new()));
    let racing = (0..64_u32).map(|no| {
        let (handle, got) = (Arc::clone(if no % 2 == 0 { &a } else { &b }), Arc::clone(&got));
        let mut asked = false;
        let deciding = Stepping(move |granted: &[Granted]| {
            if !asked {
                asked = true;
                // In another order each time: the store sorts.
                let mut demands = vec![demand("budget", 1_000, 30, true), demand("stock", 20, 1, false)];
                if no % 3 == 0 {
                    demands.reverse();
                }
                return Step::Demand(demands);
            }
            got.lock().expect("nobody panics here").extend_from_slice(granted);
            Step::Write(Box::new(life(profile(no), 0, 1)))
        });
        Box::pin(async move { handle.commit(0, Box::new(deciding)).await.expect("well") }) as _
    });
    let outcomes: Vec<Commit> = together(racing.collect()).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Commit::Committed), "{outcomes:?}");
    let used = async |key: &str| b.counter(&CounterKey(key.to_owned())).await.expect("well");
    assert_eq!((used("budget").await, used("stock").await), (1_000, 20));
    let all: i64 = got.lock().expect("nobody panics here").iter().map(|granted| granted.amount).sum();
    assert_eq!(all, 1_020);
}

/// A decision that stands still in its first step until it is told to go on.
fn stopped(writes: Writes) -> (Box<dyn Deciding>, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel();
    let mut writes = Some(writes);
    let deciding = Stepping(move |_: &[Granted]| {
        let _ = wait.recv_timeout(Duration::from_secs(20));
        Step::Write(Box::new(writes.take().unwrap_or_default()))
    });
    (Box::new(deciding), go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_stands_still_holds_a_control_change_up_for_no_longer_than_its_time() {
    let database = Database::make().await;
    let idle_timeout = Duration::from_secs(1);
    let [a, b] = nodes(&database, Options { idle_timeout, ..Options::default() }).await;
    let (deciding, go) = stopped(life(profile(1), 0, 1));
    let stopped = tokio::spawn(async move { a.commit(0, deciding).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    assert_eq!(b.control(0, control(1)).await.expect("the server throws the other out"), Commit::Committed);
    assert!(begun.elapsed() < Duration::from_secs(4), "it took {:?}", begun.elapsed());
    go.send(()).expect("it waits still");
    let late = stopped.await.expect("it does not panic");
    assert!(matches!(late, Err(Error::Recovering(_))), "{late:?}");
    assert_eq!(b.profiles(&[profile(1)]).await.expect("well"), vec![None], "nothing of it was written");
}

/// What a live log sees from a place on.
async fn seen(environment: &Arc<dyn Environment>, after: &mut Option<Cursor>) -> Vec<Stream> {
    let page = environment.feed(Direction::Forward, after.take(), 10).await.expect("well");
    *after = page.next;
    page.rows.into_iter().map(|record| record.stream).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_live_log_leaves_out_no_batch_that_took_longer() {
    let database = Database::make().await;
    let [a, b] = nodes(&database, Options::default()).await;
    must(&b, 0, life(profile(9), 0, 1)).await;
    let mut after = None;
    assert_eq!(seen(&b, &mut after).await.len(), 1);
    let (deciding, go) = stopped(life(profile(1), 0, 1));
    let slow = tokio::spawn(async move { a.commit(0, deciding).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    must(&b, 0, life(profile(2), 0, 1)).await;
    assert_eq!(seen(&b, &mut after).await, [], "the earlier batch is still to come");
    let newest = b.feed(Direction::Backward, None, 1).await.expect("well").rows.remove(0).stream;
    assert_eq!(newest, Stream::Profile(profile(2)), "lists show what is there");
    go.send(()).expect("it waits");
    assert_eq!(slow.await.expect("it does not panic").expect("well"), Commit::Committed);
    assert_eq!(seen(&b, &mut after).await, [1, 2].map(|no| Stream::Profile(profile(no))));
    assert_eq!(seen(&b, &mut after).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_follows_the_others_sees_all_of_theirs_and_nothing_of_its_own() {
    let database = Database::make().await;
    let [a, b] = nodes(&database, Options::default()).await;
    must(&b, 0, life(profile(1), 0, 1)).await;
    let mut elsewhere = a.nodes().expect("well").elsewhere().await.expect("well");
    let mut seen = async |limit| -> Vec<Stream> {
        let records = elsewhere.next(limit).await.expect("well");
        records.into_iter().map(|record| record.stream).collect()
    };
    let streams =
        |numbers: &[u32]| -> Vec<Stream> { numbers.iter().map(|no| Stream::Profile(profile(*no))).collect() };
    assert_eq!(seen(10).await, [], "that was before");
    // A batch of each that takes longer than those that begin after it.
    let (theirs, finish_theirs) = stopped(life(profile(2), 0, 1));
    let (own, finish_own) = stopped(life(profile(3), 0, 1));
    let (other, this) = (Arc::clone(&b), Arc::clone(&a));
    let theirs = tokio::spawn(async move { other.commit(0, theirs).await });
    let own = tokio::spawn(async move { this.commit(0, own).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    for no in 4..8 {
        must(if no % 2 == 0 { &a } else { &b }, 0, life(profile(no), 0, 1)).await;
    }
    assert_eq!(seen(10).await, [], "an earlier batch is still to come");
    finish_theirs.send(()).expect("it waits");
    assert_eq!(theirs.await.expect("it does not panic").expect("well"), Commit::Committed);
    finish_own.send(()).expect("it waits");
    assert_eq!(own.await.expect("it does not panic").expect("well"), Commit::Committed);
    // In pages, with own batches between them.
    assert_eq!(seen(1).await, streams(&[2]));
    assert_eq!(seen(1).await, streams(&[5]));
    must(&a, 0, life(profile(8), 0, 1)).await;
    assert_eq!(seen(2).await, streams(&[7]));
    assert_eq!(seen(2).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_from_before_a_restore_writes_nothing() {
    let database = Database::make().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (one, two) = (database.backend().await, database.backend().await);
    let a = one.create(identity("one"), at(0)).await.expect("it can be made");
    let b = two.open("one").await.expect("the other node sees it");
    must(&a, 0, life(profile(1), 0, 1)).await;
    a.backup(&folder.path().join("backup")).await.expect("well");
    a.close().await.expect("well");
    let refused = one.restore("one", &folder.path().join("backup"), at(1)).await.err();
    assert!(refused.as_ref().is_some_and(|e| e.to_string().contains("other processes")), "{refused:?}");
    // A node that lost all its connections just then: its handle is older than the restore.
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
    database.superuser().await.query(terminate, &[&database.role("one").await.0]).await.expect("well");
    let restored = one.restore("one", &folder.path().join("backup"), at(1)).await.expect("nobody is there");
    let stale = commit(&b, 0, life(profile(1), 1, 2)).await;
    assert!(matches!(stale, Err(Error::Closed(_))), "{stale:?}");
    must(&restored, 0, life(profile(1), 1, 2)).await;
}

fn beat(no: u8, epoch: u64, lasts: Duration) -> Beat {
    Beat {
        id: [no; 16],
        name: format!("node-{no}"),
        started_at: at(i64::from(no)),
        epoch,
        holds_timers: no == 2,
        duties: vec!["sweep".into(), "timers".into()],
        lasts,
    }
}

async fn heard(environment: &Arc<dyn Environment>, beat: &Beat) -> Heard {
    environment.nodes().expect("several can serve it").beat(beat).await.expect("it is heard")
}

/// Each node's number and how many duties it has.
fn who(heard: &Heard) -> Vec<(u8, usize)> {
    heard.nodes.iter().map(|node| (node.id[0], node.duties.len())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duty_is_one_nodes_and_goes_on_when_it_is_gone() {
    let database = Database::make().await;
    let [a, b] = nodes(&database, Options::default()).await;
    let (long, short) = (Duration::from_mins(1), Duration::from_millis(300));
    let first = heard(&a, &beat(1, 0, long)).await;
    assert_eq!(who(&first), [(1, 2)]);
    assert_eq!(
        (first.epoch, first.nodes[0].duties.as_slice()),
        (0, ["sweep".to_owned(), "timers".into()].as_slice())
    );
    // The other gets none, and each sees what the other says.
    let second = heard(&b, &beat(2, 0, long)).await;
    assert_eq!(who(&second), [(1, 2), (2, 0)]);
    assert!(second.nodes[0].seen_at < second.at && first.at < second.at, "{second:?}");
    assert_eq!((second.nodes[1].name.as_str(), second.nodes[1].started_at), ("node-2", at(2)));
    assert_eq!(second.nodes.iter().map(|node| node.holds_timers).collect::<Vec<_>>(), [false, true]);
    // One that is not asked for is given up; one that is kept is not lost to whoever asks.
    let less = Beat { duties: vec!["timers".into()], ..beat(1, 0, long) };
    assert_eq!(who(&heard(&a, &less).await), [(1, 1), (2, 0)]);
    assert_eq!(who(&heard(&b, &beat(2, 0, long)).await), [(1, 1), (2, 1)]);
    // Whoever leaves is gone at once.
    b.nodes().expect("well").leave([2; 16]).await.expect("it leaves");
    assert_eq!(who(&heard(&a, &beat(1, 0, short)).await), [(1, 2)]);
    // Whoever says nothing, after its time. It may come back, with what nobody has taken.
    assert_eq!(who(&heard(&b, &beat(3, 0, long)).await), [(1, 2), (3, 0)]);
    tokio::time::sleep(short * 2).await;
    assert_eq!(who(&heard(&b, &beat(3, 0, long)).await), [(3, 2)]);
    assert_eq!(who(&heard(&a, &beat(1, 0, long)).await), [(1, 0), (3, 2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_ask_at_once_one_gets_a_duty() {
    let database = Database::make().await;
    let handles = nodes(&database, Options::default()).await;
    for round in 0..20_u8 {
        let asking = (1..=6_u8)
            .map(|no| {
                let handle = Arc::clone(&handles[usize::from(no % 2)]);
                Box::pin(async move {
                    let asked = Beat {
                        duties: vec![format!("round-{round}")],
                        ..beat(no, 0, Duration::from_mins(1))
                    };
                    heard(&handle, &asked).await
                }) as _
            })
            .collect();
        let told: Vec<Heard> = together(asking).await;
        let last = heard(
            &handles[0],
            &Beat { duties: vec![format!("round-{round}")], ..beat(1, 0, Duration::from_mins(1)) },
        )
        .await;
        assert_eq!(last.nodes.iter().map(|node| node.duties.len()).sum::<usize>(), 1, "{last:?}");
        assert_eq!(told.len(), 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_tells_of_a_moved_epoch_and_is_in_no_backup() {
    let database = Database::make().await;
    let [a, b] = nodes(&database, Options::default()).await;
    heard(&b, &beat(2, 0, Duration::from_mins(1))).await;
    assert_eq!(a.control(0, control(1)).await.expect("well"), Commit::Committed);
    let told = heard(&b, &beat(2, 0, Duration::from_mins(1))).await;
    assert_eq!((told.epoch, told.nodes[0].epoch), (1, 0));
    assert_eq!(heard(&a, &beat(1, 1, Duration::from_mins(1))).await.nodes[0].epoch, 1);
    let folder = tempfile::tempdir().expect("a folder");
    a.backup(&folder.path().join("backup")).await.expect("it can be backed up");
    let named = |name: &str| folder.path().join("backup/tables").join(name).exists();
    assert!(named("journal.copy") && !named("node.copy") && !named("duty.copy"));
}
