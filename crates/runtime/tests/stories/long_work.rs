//! What takes long: listed while it runs, cancelled, given up; and the reports of rehearsals, which are kept.

use std::{
    path::Path,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{Command, input::Order};
use program::plan::Choices;
use runtime::{
    Environment, Error,
    configuration::PlanSource,
    history::RehearsalRequest,
    work::{Progress, Task},
};

use crate::ground::{Ground, SHOP, ada, apply, at, bundle, exports, ground, holds, order, send};

/// Some pages of history.
async fn shop(orders: u32) -> (Ground, Arc<Environment>) {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = |i: u32| at("2025-03-01T10:00:00Z") + jiff::SignedDuration::from_secs(i64::from(i));
    let orders: Vec<_> =
        (0..orders).map(|i| order(&format!("m{i}"), &format!("u{}", i % 700), "9.5", when(i))).collect();
    for orders in orders.chunks(1_000) {
        send(&live, orders.to_vec()).await;
    }
    (ground, live)
}

/// Two points for one, to who has spent enough: what the condition saw is in the traces.
fn doubled() -> RehearsalRequest {
    let yaml = SHOP.replace("points, of: properties.total}", "points, of: properties.total, rate: 2}").replace(
        "  trigger: {event: order_completed}\n  actions",
        "  trigger: {event: order_completed}\n  condition: profile.metrics.lifetime_spend > 50.0\n  actions",
    );
    let source = PlanSource::Directory { bundle: bundle(&yaml), name: "shop".into(), pulled: None };
    RehearsalRequest { source, choices: Choices::default(), since: None, until: None }
}

/// Waits until work is under way and has come so far, seeing it go on.
async fn under_way(live: &Environment, task: Task, far: u64) {
    let (mut last, give_up) = (0, Instant::now() + Duration::from_secs(30));
    loop {
        assert!(Instant::now() < give_up, "{} does not come to record {far}", task.word());
        let all = live.under_way();
        if let Some(work) = all.iter().find(|work| work.task == task) {
            assert_eq!((work.id.as_str(), &work.actor), ("request-1", &ada()));
            let done = work.progress.done();
            assert!(done >= last, "it only goes on");
            last = done;
            if done > far {
                assert!(work.progress.total() >= 9_000);
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_work_ends_and_is_not_there_any_more() {
    let (ground, live) = shop(9_000).await;
    let to = ground.store.folder().join("backup");
    for task in [Task::Rehearsal, Task::Verification, Task::Rebuild, Task::Backup] {
        let (before, environment, to) = (exports(&live).await, Arc::clone(&live), to.clone());
        let running = tokio::spawn(async move {
            let progress = Progress::default();
            let (one, of_it) = (Arc::clone(&environment), progress.clone());
            let doing = async move {
                match task {
                    Task::Rehearsal => one.rehearse(doubled(), &ada(), &of_it).await.map(drop),
                    Task::Verification => one.verify(&of_it).await.map(drop),
                    Task::Rebuild => one.rebuild(&of_it).await.map(drop),
                    Task::Backup => one.backup(&to, &of_it).await,
                }
            };
            let ended = environment.listed(task, "request-1", ada(), &progress, doing).await;
            (ended, progress.done(), progress.total())
        });
        under_way(&live, task, 0).await;
        let unknown = live.cancel("request-2");
        assert!(matches!(unknown, Err(Error::Missing { .. })), "{unknown:?}");
        let cancelled = live.cancel("request-1").expect("it is under way");
        assert_eq!(cancelled.task, task);
        let (ended, done, total) = running.await.expect("it ends");
        assert!(matches!(ended, Err(Error::Cancelled(word)) if word == task.word()), "{ended:?}");
        assert!(done < total, "{}: it was cancelled after {done}, not at its end", task.word());
        assert!(live.under_way().is_empty(), "it is not there any more");
        assert!(live.cancel("request-1").is_err());
        assert_eq!(exports(&live).await, before, "{} has left nothing half done", task.word());
    }
    assert!(live.store().rehearsals(None, 9).await.expect("it reads").rows.is_empty());
    is_gone(&to).await;
    holds(&live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_nobody_waits_for_is_given_up() {
    let (ground, live) = shop(9_000).await;
    let to = ground.store.folder().join("backup");
    for task in [Task::Rehearsal, Task::Verification, Task::Rebuild, Task::Backup] {
        let progress = Progress::default();
        {
            let (one, of_it, to) = (Arc::clone(&live), progress.clone(), to.clone());
            let doing = async move {
                match task {
                    Task::Rehearsal => one.rehearse(doubled(), &ada(), &of_it).await.map(drop),
                    Task::Verification => one.verify(&of_it).await.map(drop),
                    Task::Rebuild => one.rebuild(&of_it).await.map(drop),
                    Task::Backup => one.backup(&to, &of_it).await,
                }
            };
            let mut listed = pin!(live.listed(task, "request-1", ada(), &progress, doing));
            tokio::select! {
                ended = &mut listed => panic!("{}: {ended:?}", task.word()),
                () = under_way(&live, task, 0) => {}
            }
            // Whoever asked is gone: a connection that closes drops the future.
        }
        assert!(live.under_way().is_empty());
        // What had been begun beside it ends, too: it stands still.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let done = progress.done();
        assert!(done < progress.total(), "{}: {done}", task.word());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(progress.done(), done, "{} stands still", task.word());
        // And the store serves again at once.
        send(&live, vec![order(&format!("after {}", task.word()), "u1", "1", at("2025-05-01T10:00:00Z"))])
            .await;
    }
    is_gone(&to).await;
    holds(&live).await;
}

/// What had been begun beside the request takes it away when it notices.
async fn is_gone(folder: &Path) {
    let give_up = Instant::now() + Duration::from_secs(10);
    while folder.exists() {
        assert!(Instant::now() < give_up, "{} is left", folder.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_rehearsals_report_is_kept_and_says_nothing_of_who_is_erased() {
    let (ground, live) = shop(1_500).await;
    let done = live.rehearse(doubled(), &ada(), &Progress::default()).await.expect("it rehearses");
    let whole = serde_json::to_value(&done.report).expect("it is JSON");
    let rows = live.store().rehearsals(None, 9).await.expect("it reads").rows;
    assert_eq!((rows.len(), rows[0].actor.as_str(), rows[0].trusted), (1, "Ada", true));
    let micros = |at: jiff::Timestamp| at.as_microsecond();
    assert_eq!((&rows[0].id, micros(rows[0].at)), (&done.row.id, micros(done.row.at)));
    let (_, kept) = live.rehearsal(&done.row.id).await.expect("it is kept");
    assert_eq!(kept, whole, "as it was told");
    assert!(kept.to_string().contains("lifetime_spend"), "with what conditions saw");

    let gone = done.report.most_affected[0].profile;
    let other = done.report.most_affected[1].profile;
    let erase = Command { actor: ada().id, reason: "asked for".into(), order: Order::Erase };
    live.order(gone, erase, None).await.expect("it is erased");
    let (_, left) = live.rehearsal(&done.row.id).await.expect("it is kept");
    let member = &left["most_affected"][0];
    assert_eq!(member["profile"], gone.to_string(), "that there was somebody stays");
    assert_eq!((&member["erased"], &member["event"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(left["most_affected"][1]["profile"], other.to_string());
    assert_eq!(left["most_affected"][1], whole["most_affected"][1], "others stay as they were");
    assert_eq!(left["currencies"], whole["currencies"], "and so do the figures");
    let again = live.rehearse(doubled(), &ada(), &Progress::default()).await.expect("it rehearses");
    let (_, again) = live.rehearsal(&again.row.id).await.expect("it is kept");
    let mentioned = again["most_affected"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|member| member["profile"] == gone.to_string() && !member["event"].is_null());
    assert!(!mentioned, "{again}");
    assert!(matches!(live.rehearsal("rehearsal_0").await, Err(Error::Missing { .. })));
    drop(live);
    let ground = ground.reopen().await;
    let (row, _) = ground.live().rehearsal(&done.row.id).await.expect("it is still there");
    assert_eq!(row.digest, done.row.digest);
}
