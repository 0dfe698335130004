//! Environments moved from one kind of store into the other, with some of everything in them.

mod estate;
#[path = "../ground/mod.rs"]
mod ground;

mod registered;

use std::sync::Arc;

use estate::{Estate, MARKER, Whole, furnish, goes_on, order};
use ground::{MASTER_KEY, send};
use ledger::Account;
use runtime::{
    Error,
    environment::Options,
    moving::{Arrived, Move, Moved, Stage},
};
use serde_json::json;
use store::{Backend, SumChange, Writes};
use testing::Store;

async fn moved_all(moving: &Move) -> Vec<Moved> {
    let mut arrived = Vec::new();
    for row in moving.environments(&[]).await.expect("they can be moved") {
        arrived.push(moving.environment(&row, &mut |_| {}).await.expect("it arrives"));
    }
    assert_eq!(moving.administrators().await.expect("they are carried over"), 1);
    moving.finish(arrived).await.expect("they are made")
}

/// Moves all of an install, and looks at everything on both sides.
async fn arrives_whole(from: Store, to: Store) {
    let estate = furnish(from.backend().await).await;
    let source = from.backend().await;
    let before = [Whole::of(&source, "live").await, Whole::of(&source, "staging").await];
    let target = to.backend().await;
    let moved = moved_all(&Move::new(Arc::clone(&source), Arc::clone(&target), MASTER_KEY)).await;
    assert_eq!(moved.iter().map(|moved| moved.environment.as_str()).collect::<Vec<_>>(), ["live", "staging"]);
    for moved in &moved {
        for (kind, count) in &moved.rows {
            assert!(*count > 0, "{}: no {kind} to move", moved.environment);
        }
        assert!(moved.redecided > 0 && moved.redecided < moved.rows["records"], "some have no bodies");
    }
    assert_ne!(moved[0].ledger, moved[1].ledger);
    for (name, whole) in ["live", "staging"].into_iter().zip(before) {
        assert_eq!(Whole::of(&target, name).await, whole, "{name} in the target");
        assert_eq!(Whole::of(&source, name).await, whole, "{name} in the source");
    }
    assert_eq!(target.environments().await.expect("well"), source.environments().await.expect("well"));
    assert_eq!(target.administrators().await.expect("well"), source.administrators().await.expect("well"));
    drop((source, target));
    assert!(!to.holds(MARKER).await, "nothing is left of who was erased");
    if !to.is_shared() {
        let folder = to.folder();
        let listed = std::fs::read_to_string(folder.join("erasures/live.log")).expect("it is there");
        assert!(!listed.is_empty(), "a restore finds the list");
    }
    goes_on(to.backend().await, &estate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_folder_into_a_database() {
    arrives_whole(Store::sqlite(), Store::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_database_into_a_folder() {
    arrives_whole(Store::postgres().await, Store::sqlite()).await;
}

/// There and back again, in many pages: the ledger hash is that of the journal, not of a store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_and_back_again() {
    let places = [Store::sqlite(), Store::postgres().await, Store::sqlite()];
    let greenroom = estate::open(places[0].backend().await).await.expect("it opens");
    let live = greenroom.environment("live").expect("it is there from the start");
    for part in 0..5 {
        let orders = (0..1_000).map(|no| {
            let (id, user) = (format!("m{part}-{no}"), format!("u{}", no % 70));
            order(&id, &user, json!({"order_id": id, "total": 1.5}), estate::early())
        });
        send(&live, orders.collect()).await;
    }
    drop(live);
    greenroom.stop().await.expect("it stops");
    drop(greenroom);
    let mut ledgers = Vec::new();
    for pair in places.windows(2) {
        let moving = Move::new(pair[0].backend().await, pair[1].backend().await, MASTER_KEY);
        let row = moving.environments(&["live".to_owned()]).await.expect("it can be moved").remove(0);
        let mut told = Vec::new();
        let tell = &mut |now: runtime::moving::Progress<'_>| told.push((now.stage, now.done, now.total));
        let arrived = moving.environment(&row, tell).await.expect("it arrives");
        assert!(told.contains(&(Stage::Carrying, 5_000, 5_000)), "{told:?}");
        assert!(told.iter().any(|(_, done, _)| (1..5_000).contains(done)), "page by page");
        let moved = moving.finish(vec![arrived]).await.expect("it is made").remove(0);
        assert_eq!((moved.rows["records"], moved.profiles), (5_000, 70));
        ledgers.push(moved.ledger);
    }
    assert_eq!(ledgers[0], ledgers[1]);
    let (first, last) = (places[0].backend().await, places[2].backend().await);
    let carried = |backend: Arc<dyn Backend>| async move {
        let environment = backend.open("live").await.expect("it opens");
        environment.carry(None, 100_000).await.expect("it reads")
    };
    assert_eq!(carried(first).await.rows, carried(last).await.rows);
}

/// Moves as far as a stage, and no further.
async fn broken_off_at(moving: &Move, stage: Stage) {
    let row = moving.environments(&["live".to_owned()]).await.expect("it can be moved").remove(0);
    let (reached, mut until) = tokio::sync::mpsc::unbounded_channel();
    let mut tell = |now: runtime::moving::Progress<'_>| {
        if now.stage == stage {
            let _ = reached.send(());
        }
    };
    tokio::select! {
        biased;
        _ = until.recv() => {}
        ended = moving.environment(&row, &mut tell) => {
            // It may have been too fast: then it is thrown away unfinished.
            drop(ended.expect("it arrives"));
        }
    }
}

async fn is_begun_anew(from: Store, to: Store) {
    let estate = furnish(from.backend().await).await;
    for stage in [Stage::Carrying, Stage::Views, Stage::Comparing, Stage::ComparingViews, Stage::Verifying] {
        let source = from.backend().await;
        let before = Whole::of(&source, "live").await;
        let target = to.backend().await;
        broken_off_at(&Move::new(Arc::clone(&source), Arc::clone(&target), MASTER_KEY), stage).await;
        let rows = target.environments().await.expect("well");
        assert!(rows.len() == 1 && rows[0].making, "{stage:?}: {rows:?}");
        assert!(target.open("live").await.is_err(), "{stage:?}: nobody opens half of one");
        assert_eq!(Whole::of(&source, "live").await, before, "{stage:?}: the source is as it was");
        drop((source, target));
        if to.is_shared() {
            let told = estate::open(to.backend().await).await.err().expect("no server on half of live");
            assert!(told.to_string().contains("migrate-store"), "{told}");
        }
    }
    let (source, target) = (from.backend().await, to.backend().await);
    moved_all(&Move::new(Arc::clone(&source), Arc::clone(&target), MASTER_KEY)).await;
    assert_eq!(Whole::of(&target, "live").await, Whole::of(&source, "live").await);
    drop((source, target));
    goes_on(to.backend().await, &estate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_off_on_the_way_into_a_database() {
    is_begun_anew(Store::sqlite(), Store::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_off_on_the_way_into_a_folder() {
    is_begun_anew(Store::postgres().await, Store::sqlite()).await;
}

fn refused<T>(told: Result<T, Error>, words: &[&str]) {
    let Err(Error::Refused(why)) = told else { panic!("not refused: {:?}", told.err()) };
    for word in words {
        assert!(why.contains(word), "no `{word}` in: {why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_is_refused() {
    let (from, to) = (Store::sqlite(), Store::sqlite());
    let _: Estate = furnish(from.backend().await).await;
    let (source, target) = (from.backend().await, to.backend().await);
    let moving = Move::new(Arc::clone(&source), Arc::clone(&target), MASTER_KEY);
    let none = ["nothing".to_owned()];
    refused(moving.environments(&none).await, &["no environment `nothing`", "live, staging"]);
    let empty = Move::new(Arc::clone(&target), Arc::clone(&source), MASTER_KEY);
    refused(empty.environments(&[]).await, &["holds no environment"]);

    let row = moving.environments(&["live".to_owned()]).await.expect("it can be moved").remove(0);
    let wrong = Move::new(Arc::clone(&source), Arc::clone(&target), [8; 32]);
    let told = wrong.environment(&row, &mut |_| {}).await;
    refused(told.map(drop), &["`live`", "cannot be unsealed", "GREENROOM_MASTER_KEY"]);
    assert!(target.environments().await.expect("well").is_empty(), "nothing was begun");

    let strange = Store::sqlite();
    let rows = std::slice::from_ref(&row);
    let told = moving.fits(&*strange.backend().await, rows).await;
    refused(told, &["never heard of environment `live`", "--registry"]);
    for known in [&source, &target] {
        moving.fits(&**known, rows).await.expect("it may be the main store");
    }

    let arrived = moving.environment(&row, &mut |_| {}).await.expect("it arrives");
    moving.finish(vec![arrived]).await.expect("it is made");
    refused(
        moving.environments(&[]).await,
        &["the target has `live` already", "(`staging`) with --environment"],
    );
    refused(moving.environments(&["live".to_owned()]).await, &["the target has `live` already"]);
    assert_eq!(moving.environments(&["staging".to_owned()]).await.expect("it can be moved").len(), 1);

    moving.administrators().await.expect("they are carried over");
    moving.administrators().await.expect("they are there already");
    let mut row = target.administrators().await.expect("well").remove(0);
    row.revoked_at = Some(row.made_at);
    target.put_administrator(row).await.expect("well");
    refused(moving.administrators().await, &["`Ada`", "not the same"]);
}

/// A database is in nobody's hands: who serves it is asked before anything is done, and again in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_is_not_moved() {
    let (from, to) = (Store::postgres().await, Store::sqlite());
    let _: Estate = furnish(from.backend().await).await;
    let target = to.backend().await;
    let moving = Move::new(from.backend().await, Arc::clone(&target), MASTER_KEY);
    let live = ["live".to_owned()];
    let row = moving.environments(&live).await.expect("its server has stopped").remove(0);
    let options = || Options { node: "till".into(), ..Options::default() };
    let server = ground::open(&from, options()).await;
    refused(moving.environments(&live).await, &["`live`", "being served, by `till`"]);
    assert!(target.environments().await.expect("well").is_empty(), "nothing was begun");
    let told = moving.environment(&row, &mut |_| {}).await;
    refused(told.map(drop), &["`live`", "being served, by `till`"]);
    assert!(target.open("live").await.is_err(), "it is not marked as made");
    server.stop().await.expect("it stops");
    drop(server);
    assert_eq!(moved_all(&moving).await.len(), 2);
}

/// A view of the source that says something else than its journal: told, and not marked as made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_arrive_as_it_left_is_told() {
    let (from, to) = (Store::sqlite(), Store::postgres().await);
    let _: Estate = furnish(from.backend().await).await;
    let (source, target) = (from.backend().await, to.backend().await);
    let live = source.open("live").await.expect("it opens");
    let sums = vec![SumChange { currency: "points".into(), account: Account::Issued, amount: 5 }];
    let spoilt = store::conformance::batch::Known(Writes { sums, ..Writes::default() });
    let epoch = live.epoch().await.expect("it reads");
    live.commit(epoch, Box::new(spoilt)).await.expect("it is written");
    live.close().await.expect("it closes");
    let moving = Move::new(source, Arc::clone(&target), MASTER_KEY);
    let row = moving.environments(&["live".to_owned()]).await.expect("it can be moved").remove(0);
    let told = moving.environment(&row, &mut |_| {}).await.map(|arrived: Arrived| arrived.moved);
    refused(
        told,
        &[
            "`live` did not arrive as it left",
            "view `sums`: 1 lines are only in the source",
            "begins it anew",
        ],
    );
    assert!(target.open("live").await.is_err(), "it is not marked as made");
}

/// Restored, and not served since: who was erased meanwhile stands in the views again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_to_be_erased_again_is_erased_first() {
    let (from, to) = (Store::sqlite(), Store::sqlite());
    let _: Estate = furnish(from.backend().await).await;
    let copy = tempfile::tempdir().expect("a temporary folder");
    let copy = copy.path().join("copy");
    let greenroom = estate::open(from.backend().await).await.expect("it opens");
    let live = greenroom.environment("live").expect("it is there");
    live.store().backup(&copy).await.expect("it is copied");
    let ann = live.find_profile(&engine::Identity::User("ann".into())).await.expect("it reads");
    let erase = engine::Command {
        actor: "ada".into(),
        reason: "they asked for it".into(),
        order: engine::input::Order::Erase,
    };
    live.order(ann.expect("she is there"), erase, None).await.expect("it erases");
    drop(live);
    greenroom.stop().await.expect("it stops");
    drop(greenroom);
    let source = from.backend().await;
    let restored = source.restore("live", &copy, estate::early()).await.expect("it is restored");
    restored.close().await.expect("it closes");
    drop(restored);
    let moving = Move::new(source, to.backend().await, MASTER_KEY);
    let row = moving.environments(&["live".to_owned()]).await.expect("it can be looked at").remove(0);
    let told = moving.environment(&row, &mut |_| {}).await;
    refused(told.map(drop), &["`live` was restored from a backup", "Start a server on the source once"]);
    drop(moving);
    estate::open(from.backend().await).await.expect("it opens").stop().await.expect("it stops");
    let moving = Move::new(from.backend().await, to.backend().await, MASTER_KEY);
    moving.environment(&row, &mut |_| {}).await.expect("now it arrives");
}
