//! From staging to live: planned, rehearsed, promoted in one step, rolled back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use engine::{Command, input::Order};
use program::plan::{Choices, Side};
use runtime::{
    Error,
    configuration::{ApplyRequest, PlanSource},
    history::RehearsalRequest,
    ingest::ItemOutcome,
    work::Progress,
};

use crate::ground::{SHOP, ada, apply, at, bundle, ground, holds, order, points, send, state};

fn doubled() -> String {
    SHOP.replace(
        "    - award: {currency: points, of: properties.total}",
        "    - award: {currency: points, of: properties.total, rate: 2}",
    )
    .replace(
        "  trigger: {event: order_completed}\n  actions",
        "  trigger: {event: order_completed}\n  condition: event.properties.total >= 30.0\n  actions",
    )
}

fn request(source: PlanSource) -> ApplyRequest {
    ApplyRequest {
        source,
        choices: Choices::default(),
        expect: None,
        seen: None,
        actor: ada(),
        message: None,
    }
}

fn whole(source: PlanSource) -> RehearsalRequest {
    RehearsalRequest { source, choices: Choices::default(), since: None, until: None }
}

#[tokio::test]
async fn a_rehearsal_says_what_a_fresh_import_then_gives() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let mut orders = Vec::new();
    for i in 0..200_u32 {
        let total = format!("{}.{:02}", i % 70, i % 100);
        let when = at("2025-03-01T10:00:00Z") + jiff::SignedDuration::from_hours(i64::from(i));
        orders.push(order(&format!("m{i}"), &format!("u{}", i % 23), &total, when));
    }
    send(&live, orders.clone()).await;
    let staging = ground.greenroom.create_environment("staging", ada()).await.expect("it is made");
    staging.apply(request(PlanSource::Environment(Arc::clone(&live)))).await.expect("it is cloned");
    apply(&staging, &doubled()).await;
    let source = || PlanSource::Environment(Arc::clone(&staging));
    let report =
        live.rehearse(whole(source()), &ada(), &Progress::default()).await.expect("it rehearses").report;
    assert!(report.trusted, "{:?}", report.untrusted_because);
    assert_eq!(report.events, 200);
    let reactor = &report.reactors["points_for_orders"];
    assert_eq!(reactor.fired.recorded, 200);
    assert!(reactor.fired.candidate < 200 && reactor.fired.candidate > 0);
    let recorded = report.currencies["points"].issued.recorded;
    assert_eq!(recorded, (0..200).map(|i| i % 70).sum::<i64>());
    assert!(!report.most_affected.is_empty());
    let event = report.most_affected[0].event.as_ref().expect("with its event");
    assert!(event.recorded.is_some() && event.candidate.is_some(), "and both traces");

    let applied = live.apply(request(source())).await.expect("it is promoted");
    assert!(applied.revision.is_some());
    let fresh = ground.greenroom.create_environment("fresh", ada()).await.expect("it is made");
    fresh.apply(request(PlanSource::Environment(Arc::clone(&live)))).await.expect("it applies");
    send(&fresh, orders).await;
    let sums = fresh.store().sums().await.expect("sums");
    let held: i64 = sums.iter().filter(|sum| sum.1.of_profile()).map(|sum| sum.2).sum();
    assert_eq!(held, report.currencies["points"].liability.candidate);
    holds(&live).await;
    holds(&fresh).await;
}

/// Waits until more events have been decided than are under way at any moment.
async fn more(decided: &AtomicUsize) {
    let (enough, give_up) = (decided.load(Ordering::Acquire) + 50, Instant::now() + Duration::from_secs(30));
    while decided.load(Ordering::Acquire) < enough {
        assert!(Instant::now() < give_up, "nothing goes on");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promotion_under_load_moves_every_event_to_one_side() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let stop = Arc::new(AtomicBool::new(false));
    let promoted = Arc::new(AtomicBool::new(false));
    let decided = Arc::new(AtomicUsize::new(0));
    let clients = (0..8).map(|client| {
        let (live, stop, promoted, decided_so_far) =
            (live.clone(), stop.clone(), promoted.clone(), decided.clone());
        tokio::spawn(async move {
            let mut seen = Vec::new();
            let mut i = 0;
            while !stop.load(Ordering::Acquire) {
                i += 1;
                let after = promoted.load(Ordering::Acquire);
                let message =
                    order(&format!("c{client}-{i}"), &format!("u{client}"), "40", at("2025-03-01T10:00:00Z"));
                let outcome = send(&live, vec![message]).await.remove(0);
                let ItemOutcome::Decided(decided) = outcome else { panic!("{outcome:?}") };
                seen.push((after, decided.epoch));
                decided_so_far.fetch_add(1, Ordering::AcqRel);
            }
            seen
        })
    });
    let clients: Vec<_> = clients.collect();
    more(&decided).await;
    let before = live.state().epoch;
    let source = PlanSource::Directory { bundle: bundle(&doubled()), name: "test".into(), pulled: None };
    let began = Instant::now();
    let applied = live.apply(request(source)).await.expect("it is promoted");
    let took = began.elapsed();
    promoted.store(true, Ordering::Release);
    more(&decided).await;
    stop.store(true, Ordering::Release);
    let (mut old, mut new) = (0, 0);
    for client in clients {
        for (after, epoch) in client.await.expect("no request fails") {
            assert!(epoch == before || epoch == applied.epoch, "one of the two, not {epoch}");
            assert!(!after || epoch == applied.epoch, "none under the old one after the acknowledgement");
            if epoch == before { old += 1 } else { new += 1 }
        }
    }
    assert!(old > 0 && new > 0, "load on both sides of it: {old} and {new}, promoted in {took:?}");
    holds(&live).await;
}

#[tokio::test]
async fn stale_blocked_and_back() {
    let ground = ground().await;
    let live = ground.live();
    let first = apply(&live, SHOP).await;
    let staging = ground.greenroom.create_environment("staging", ada()).await.expect("it is made");
    staging.apply(request(PlanSource::Environment(Arc::clone(&live)))).await.expect("it is cloned");
    let with_secret = format!("{}\n---\nkind: secret\nkey: hook\nspec: {{}}\n", doubled());
    // A test environment may not declare what it has no value for either.
    staging
        .set_secret(ada(), "hook".to_owned().try_into().expect("a key"), Some("s"))
        .await
        .expect("it is set");
    apply(&staging, &with_secret).await;
    let source = || PlanSource::Environment(Arc::clone(&staging));
    let blocked = live.apply(request(source())).await;
    assert!(
        matches!(&blocked, Err(Error::Blocked(why)) if why.iter().any(|why| why.contains("secret/hook"))),
        "{blocked:?}"
    );
    live.set_secret(ada(), "hook".to_owned().try_into().expect("a key"), Some("hush"))
        .await
        .expect("it is set");
    let planned = live.plan(&source(), Choices::default()).await.expect("it plans");
    let file = planned.plan.clone();
    live.set_constant(ada(), "x".to_owned().try_into().expect("a key"), Some(serde_json::json!(1)), None)
        .await
        .expect("it is set");
    let stale = live.apply(request(PlanSource::File(Box::new(file)))).await;
    assert!(matches!(stale, Err(Error::Stale(_))), "{stale:?}");
    // A file does what the comparison it holds does, though what staging recorded is not in it.
    let plan = live.plan(&source(), Choices::default()).await.expect("it plans").plan;
    let file = || PlanSource::File(Box::new(plan.clone()));
    let again = live.plan(&file(), Choices::default()).await.expect("it plans").plan;
    assert_eq!(again.digest, plan.digest);
    let report =
        live.rehearse(whole(file()), &ada(), &Progress::default()).await.expect("it rehearses").report;
    assert_eq!(report.candidate, plan.result.to_string());
    live.apply(request(file())).await.expect("it is promoted");
    send(&live, vec![order("m1", "u1", "50", at("2025-03-01T10:00:00Z"))]).await;
    assert_eq!(points(&live, "u1").await, 100);
    let back = first.revision.expect("a revision");
    live.rollback(back, ada(), Some("too generous".into()), None).await.expect("it rolls back");
    send(&live, vec![order("m2", "u1", "50", at("2025-03-01T10:00:00Z"))]).await;
    assert_eq!(points(&live, "u1").await, 150, "what was decided stays; what comes is as before");
    holds(&live).await;
}

#[tokio::test]
async fn a_sweep_comes_to_an_end_after_merges_and_erasures() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let stranger = |id: &str, device: &str| {
        let mut message = order(id, "nobody", "10", when);
        message.user_id = None;
        message.anonymous_id = Some(device.into());
        message
    };
    let mut known = order("m3", "u1", "10", when);
    known.anonymous_id = Some("d1".into());
    send(
        &live,
        vec![order("m1", "u1", "5", when), stranger("m2", "d1"), known, order("m4", "u2", "7", when)],
    )
    .await;
    let swept = async || {
        for _ in 0..500 {
            if live.sweep_progress().await.expect("it reads").0 == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the sweep does not come to an end");
    };
    let gone = state(&live, "u2").await.id;
    let erase = Command { actor: ada().id, reason: "asked for".into(), order: Order::Erase };
    live.order(gone, erase, None).await.expect("it is erased");
    swept().await;
    apply(&live, &doubled()).await;
    swept().await;
    assert_eq!(points(&live, "u1").await, 25);
    holds(&live).await;
}

/// Of all who start from the same configuration one changes it; the others are told, whatever they were about to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_goes_over_nothing_that_it_has_not_seen() {
    let ground = ground().await;
    let live = ground.live();
    let first = apply(&live, SHOP).await.revision.expect("it moves the head");
    for round in 0..10 {
        // So that there is something to go back from; also where the round before went back, which is a conflict.
        let yaml = SHOP.replace("100.0", &format!("{round}00.5"));
        let source = PlanSource::Directory { bundle: bundle(&yaml), name: "test".into(), pulled: None };
        let take = [("audience/big_spenders".parse().expect("an address"), Side::Source)].into();
        let choices = Choices { take, ..Choices::default() };
        live.apply(ApplyRequest { choices, ..request(source) }).await.expect("it applies");
        let seen = Some(live.state().configured);
        let mut changing = tokio::task::JoinSet::new();
        for no in 0..4 {
            let live = Arc::clone(&live);
            let yaml = SHOP.replace("100.0", &format!("{round}0{no}.0"));
            let source = PlanSource::Directory { bundle: bundle(&yaml), name: "test".into(), pulled: None };
            let request = ApplyRequest { seen, ..request(source) };
            changing.spawn(async move { live.apply(request).await.map(|applied| applied.epoch) });
            // Later and later: some begin when another has ended.
            tokio::time::sleep(Duration::from_millis(no)).await;
        }
        let one = Arc::clone(&live);
        changing.spawn(async move { one.rollback(first, ada(), None, seen).await.map(|(_, epoch)| epoch) });
        let outcomes = changing.join_all().await;
        let done: Vec<u64> = outcomes.iter().flatten().copied().collect();
        assert_eq!(done, [live.state().epoch], "{outcomes:?}");
        assert!(
            outcomes
                .iter()
                .filter_map(|outcome| outcome.as_ref().err())
                .all(|error| matches!(error, Error::Stale(_))),
            "{outcomes:?}"
        );
        // Also long after.
        let source = PlanSource::Directory { bundle: bundle(SHOP), name: "test".into(), pulled: None };
        let late = live.apply(ApplyRequest { seen, ..request(source) }).await;
        assert!(matches!(late, Err(Error::Stale(_))), "{late:?}");
        let late = live.rollback(first, ada(), None, seen).await;
        assert!(matches!(late, Err(Error::Stale(_))), "{late:?}");
        assert_eq!(live.state().epoch, done[0]);
    }
}
