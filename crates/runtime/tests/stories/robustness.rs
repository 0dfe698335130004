//! Bad input and faults: nothing is lost, and one bad event harms no other.

use engine::{Fault, Input, Profile, Proposal, Rules, Times};
use runtime::{
    Error, environment::Options, history::Explained, ingest::ItemOutcome, install::Unauthenticated,
    keys::KeyKind,
};
use serde_json::json;
use testing::Store;

use crate::ground::{SHOP, ada, apply, at, ground, ground_with, holds, order, points, send, track, user};

fn panics_on_13(rules: &Rules, profile: &Profile, input: &Input, times: Times) -> Result<Proposal, Fault> {
    if let Input::Message(message, _) = input {
        assert!(message.message_id != "m13", "thirteen");
    }
    engine::decide(rules, profile, input, times)
}

#[tokio::test]
async fn a_panic_in_a_decision_costs_that_decision() {
    let ground = ground_with(Options { decide: panics_on_13, ..Options::default() }).await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let batch = (1..=20).map(|i| order(&format!("m{i}"), "u1", "1", when)).collect();
    let outcomes = send(&live, batch).await;
    for (i, outcome) in outcomes.iter().enumerate() {
        if i == 12 {
            assert!(
                matches!(outcome, ItemOutcome::Quarantined { code, problems } if code == "fault" && problems[0].detail.contains("thirteen")),
                "{outcome:?}"
            );
        } else {
            assert!(matches!(outcome, ItemOutcome::Decided(_)), "{i}: {outcome:?}");
        }
    }
    assert_eq!(points(&live, "u1").await, 19);
    drop(live);
    let ground = ground.reopen().await;
    let live = ground.live();
    let waiting = live.store().quarantine(None, 10).await.expect("it reads").rows;
    assert_eq!(waiting.len(), 1);
    let released = live.release(vec![waiting[0].message]).await.expect("it is decided again");
    assert!(matches!(released[0], ItemOutcome::Decided(_)), "by an engine without the fault: {released:?}");
    assert_eq!(points(&live, "u1").await, 20);
    holds(&live).await;
}

#[tokio::test]
async fn what_breaks_its_schema_waits_until_the_schema_is_mended() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let wrong = track("m1", "u1", "Order Completed", json!({"order_id": "o1"}), when);
    let outcomes = send(&live, vec![wrong.clone()]).await;
    let ItemOutcome::Quarantined { problems, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(problems[0].detail.contains("total"), "{problems:?}");
    assert_eq!(send(&live, vec![wrong]).await[0], ItemOutcome::Duplicate { by: "message_id".into() });
    let waiting = live.store().quarantine(None, 10).await.expect("it reads").rows;
    let still = live.release(vec![waiting[0].message]).await.expect("it is tried");
    assert!(matches!(still[0], ItemOutcome::Quarantined { .. }));
    holds(&live).await;
    apply(&live, &SHOP.replace("    required: [total]\n", "")).await;
    let released = live.release(vec![waiting[0].message]).await.expect("it is decided");
    assert!(matches!(released[0], ItemOutcome::Decided(_)), "{released:?}");
    assert!(live.store().quarantine(None, 10).await.expect("it reads").rows.is_empty());
    let again = live.release(vec![waiting[0].message]).await.expect("it answers");
    assert_eq!(again[0], ItemOutcome::Duplicate { by: "message_id".into() });
    holds(&live).await;
}

/// It waited, and meanwhile what it is about was counted by another message.
#[tokio::test]
async fn what_waited_and_has_been_counted_meanwhile_waits_no_longer() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let wrong = track("m1", "u1", "Order Completed", json!({"order_id": "o1"}), when);
    assert!(matches!(send(&live, vec![wrong]).await[0], ItemOutcome::Quarantined { .. }));
    let right = track("m2", "u1", "Order Completed", json!({"order_id": "o1", "total": 7}), when);
    assert!(matches!(send(&live, vec![right]).await[0], ItemOutcome::Decided(_)));
    apply(&live, &SHOP.replace("    required: [total]\n", "")).await;
    let waiting = live.store().quarantine(None, 10).await.expect("it reads").rows;
    let released = live.release(vec![waiting[0].message]).await.expect("it is tried");
    assert_eq!(released[0], ItemOutcome::Duplicate { by: "properties.order_id".into() });
    assert!(live.store().quarantine(None, 10).await.expect("it reads").rows.is_empty());
    assert_eq!(points(&live, "u1").await, 7);
    holds(&live).await;
    let again = live.release(vec![waiting[0].message]).await.expect("it is tried");
    assert_eq!(
        again[0],
        ItemOutcome::Duplicate { by: "message_id".into() },
        "its id leads to the other by now"
    );

    let Ok(Explained::Duplicate(explained)) = live.explain_message("m1").await else { panic!("a duplicate") };
    assert_eq!(explained.by, "properties.order_id");
    assert_eq!((explained.first.profile, explained.first.n), (user(&live, "u1").await, 1));
    assert_eq!(explained.first.message.map(|message| message.message_id).as_deref(), Some("m2"));
    assert!(matches!(live.explain_message("m2").await, Ok(Explained::Record(_))));
    holds(&live).await;
}

/// One that came under another message id and was a duplicate by what is unique of it leaves no trace: what it repeats is
/// found by that.
#[tokio::test]
async fn what_a_duplicate_repeats_is_found_by_its_unique_value() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let sent = |id: &str| track(id, "u1", "Order Completed", json!({"order_id": "o1", "total": 7}), when);
    send(&live, vec![order("m0", "u1", "1", when), sent("m1")]).await;
    let outcome = send(&live, vec![sent("m2")]).await;
    assert_eq!(outcome[0], ItemOutcome::Duplicate { by: "properties.order_id".into() });
    assert!(matches!(live.explain_message("m2").await, Ok(Explained::Unknown)));
    let found = live.explain_unique("Order Completed", "o1").await.expect("it reads").expect("the first");
    assert_eq!((found.n, found.message.map(|message| message.message_id)), (2, Some("m1".into())));
    assert!(live.explain_unique("Order Completed", "o2").await.expect("it reads").is_none());
    assert!(matches!(live.explain_unique("Order", "o1").await, Err(Error::Missing { .. })));
    holds(&live).await;
}

#[tokio::test]
async fn another_environment_is_another_world() {
    let ground = ground().await;
    let live = ground.live();
    let test =
        ground.greenroom.create_environment("staging", crate::ground::ada()).await.expect("it is made");
    apply(&live, SHOP).await;
    apply(&test, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    send(&live, vec![order("m1", "u1", "10", when)]).await;
    let outcomes = send(&test, vec![order("m1", "u1", "10", when)]).await;
    assert!(matches!(outcomes[0], ItemOutcome::Decided(_)), "the same id there is another event");
    assert_eq!(points(&test, "u1").await, 10);
    assert_ne!(live.id(), test.id());
}

/// A store in files, whichever the run is for: a file can be spoilt by hand.
#[tokio::test]
async fn an_environment_that_does_not_open_keeps_no_other_from_being_served() {
    let store = Store::sqlite();
    let greenroom = crate::ground::open(&store, Options::default()).await;
    let staging = greenroom.create_environment("staging", ada()).await.expect("it is made");
    let key = staging.make_key(ada(), KeyKind::Write, "k", Vec::new(), None).await.expect("it is made");
    let backup = store.folder().join("backups/one");
    std::fs::create_dir_all(store.folder().join("backups")).expect("a folder");
    staging.store().backup(&backup).await.expect("it is backed up");
    drop(staging);
    greenroom.stop().await.expect("it stops");
    drop(greenroom);
    let file = store.folder().join("environments/staging/store.db");
    let mut bytes = std::fs::read(&file).expect("its data file");
    bytes[100..1_000].fill(0xa5);
    std::fs::write(&file, bytes).expect("it is spoilt");

    let greenroom = crate::ground::open(&store, Options::default()).await;
    let live = greenroom.environment("live").expect("the other one is served");
    apply(&live, SHOP).await;
    send(&live, vec![order("m1", "u1", "5", live.now())]).await;
    assert!(greenroom.environment("staging").is_none());
    let [unopened] = &greenroom.unopened()[..] else { panic!("one: {:?}", greenroom.unopened()) };
    assert!(unopened.name == "staging" && !unopened.live && unopened.why.contains("damaged"), "{unopened:?}");
    let refused = greenroom.authenticate(&key.token).err().expect("not now");
    assert_eq!(refused, Unauthenticated::Unopened(unopened.clone()));
    greenroom.restore_environment("staging", &backup, ada()).await.expect("it is restored");
    greenroom.authenticate(&key.token).expect("the key is known again");
    assert_eq!(greenroom.unopened(), []);
}

#[tokio::test]
async fn an_environment_opens_with_its_own_master_key_only() {
    let ground = ground().await;
    let backup = ground.store.folder().join("backup");
    ground.live().store().backup(&backup).await.expect("it is backed up");
    assert_eq!(ground.live().secrets().await.expect("they read"), [], "the program has none");
    ground.greenroom.stop().await.expect("it stops");
    let crate::ground::Ground { greenroom, store } = ground;
    drop(greenroom);
    let open = async |key| {
        let clock = std::sync::Arc::new(runtime::clock::SystemClock);
        let backend = store.backend().await;
        runtime::Greenroom::open(backend, key, clock, Options::default()).await
    };
    let wrong = open([8; 32]).await.err().expect("nothing opens").to_string();
    assert!(wrong.contains("`live` was sealed with another master key"), "{wrong}");

    // One that an earlier build made has nothing to know the key by, but what it has sealed.
    let forget = async || {
        let store = store.backend().await.open("live").await.expect("it opens");
        for secret in store.secrets().await.expect("they read") {
            store.outside(store::OutsideChange::DropSecret(secret.key)).await.expect("it is forgotten");
        }
        store.close().await.expect("it closes");
    };
    forget().await;
    let right = open(crate::ground::MASTER_KEY).await.expect("it opens");
    let live = right.environment("live").expect("well");
    let factor = "kind: constant\nkey: factor\nspec: {type: decimal, default: 1}\n";
    apply(&live, factor).await;
    let factor = program::Key::new("factor").expect("a key");
    live.set_constant(ada(), factor, Some(serde_json::json!(2)), None).await.expect("it is bound");
    right.stop().await.expect("it stops");
    drop(right);
    forget().await;
    let wrong = open([8; 32]).await.err().expect("nothing opens").to_string();
    assert!(wrong.contains("another master key"), "{wrong}");
    let right = open(crate::ground::MASTER_KEY).await.expect("it opens");
    // And the restored one is known by what is in the backup.
    right.restore_environment("live", &backup, ada()).await.expect("it is restored");
    right.stop().await.expect("it stops");
    drop(right);
    open([8; 32]).await.err().expect("nothing opens");
}

/// Nothing is stopped and nothing is replaced for a backup that could not be opened afterwards.
#[tokio::test]
async fn a_backup_that_was_sealed_with_another_master_key_is_refused() {
    let ground = ground().await;
    let hook = program::Key::new("hook").expect("a key");
    ground.live().set_secret(ada(), hook, Some("hush")).await.expect("it is set");
    let [backup, unknown] = ["backup", "unknown"].map(|name| ground.store.folder().join(name));
    ground.live().store().backup(&backup).await.expect("it is backed up");
    ground.greenroom.stop().await.expect("it stops");
    let crate::ground::Ground { greenroom, store } = ground;
    drop(greenroom);
    let key_of_now = [8; 32];
    // The same environment, with all that is sealed gone: as if it had been made with another key.
    let at_rest = store.backend().await.open("live").await.expect("it opens");
    for secret in at_rest.secrets().await.expect("they read") {
        at_rest.outside(store::OutsideChange::DropSecret(secret.key)).await.expect("it is gone");
    }
    at_rest.backup(&unknown).await.expect("it is backed up");
    at_rest.close().await.expect("it closes");
    let clock = || std::sync::Arc::new(runtime::clock::SystemClock);

    let greenroom = runtime::Greenroom::open(store.backend().await, key_of_now, clock(), Options::default());
    let greenroom = greenroom.await.expect("it opens");
    let live = greenroom.environment("live").expect("it is served");
    let told = greenroom.restore_environment("live", &backup, ada()).await.err().expect("it is refused");
    assert!(
        told.to_string().contains("cannot be restored") && told.to_string().contains("another master key"),
        "{told}"
    );
    apply(&live, SHOP).await;
    send(&live, vec![order("m1", "u1", "5", live.now())]).await;
    assert_eq!(points(&live, "u1").await, 5, "it goes on, and was never stopped");
    drop(live);
    greenroom.stop().await.expect("it stops");
    drop(greenroom);

    let restore = async |key, from: &std::path::Path| {
        let backend = store.backend().await;
        runtime::Greenroom::restore_stopped(&*backend, key, clock(), "live", from, ada()).await
    };
    let told = restore(key_of_now, &backup).await.expect_err("it is refused");
    assert!(told.to_string().contains("another master key"), "{told}");
    {
        let greenroom =
            runtime::Greenroom::open(store.backend().await, key_of_now, clock(), Options::default());
        let greenroom = greenroom.await.expect("it opens as before");
        assert_eq!(
            points(&greenroom.environment("live").expect("well"), "u1").await,
            5,
            "nothing was replaced"
        );
        greenroom.stop().await.expect("it stops");
    }
    restore(key_of_now, &unknown).await.expect("nothing in it is sealed");
    restore(crate::ground::MASTER_KEY, &backup).await.expect("its own key");
}
