//! What the source only knows of, when the whole of it is moved.

use runtime::moving::Move;
use store::{Backend, RegistryRow, conformance};
use testing::Store;

use crate::ground::MASTER_KEY;

/// How an environment of a name is registered that the store of this id keeps.
fn kept_by(name: &str, store: [u8; 16]) -> RegistryRow {
    let whose = conformance::identity(name);
    let made_at = conformance::at(0);
    RegistryRow {
        id: whose.id,
        name: whose.name,
        live: whose.live,
        made_at,
        making: false,
        elsewhere: Some(store),
    }
}

async fn makes(backend: &dyn Backend, name: &str) {
    let made = backend.create(conformance::identity(name), conformance::at(0)).await.expect("it can be made");
    made.close().await.expect("it closes");
}

/// Each name, and by which store it is kept where that is another.
async fn registry(backend: &dyn Backend) -> Vec<(String, Option<[u8; 16]>)> {
    let rows = backend.environments().await.expect("it reads");
    let mut rows: Vec<_> = rows.into_iter().map(|row| (row.name, row.elsewhere)).collect();
    rows.sort();
    rows
}

async fn are_registered(from: Store, to: Store) {
    const LOST: [u8; 16] = [8; 16];
    const OTHER: [u8; 16] = [9; 16];
    let (source, target) = (from.backend().await, to.backend().await);
    let own = target.id().await.expect("it has one");
    // Kept by the target, as the source has noted, or has not yet.
    makes(&*target, "noted").await;
    source.register(kept_by("noted", own)).await.expect("well");
    makes(&*target, "unnoted").await;
    source.register(kept_by("unnoted", LOST)).await.expect("well");
    // By others, as the target knows, or does not yet, or knows otherwise.
    for (name, known) in [("known", Some(OTHER)), ("unknown", None), ("moved_on", Some(LOST))] {
        source.register(kept_by(name, OTHER)).await.expect("well");
        if let Some(known) = known {
            target.register(kept_by(name, known)).await.expect("well");
        }
    }
    makes(&*source, "own").await;

    let moving = Move::new(source, std::sync::Arc::clone(&target), MASTER_KEY);
    let mut registered = moving.registered().await.expect("it can be registered");
    registered.sort();
    assert_eq!(registered, ["moved_on", "unknown"]);
    let expected = [
        ("known", Some(OTHER)),
        ("moved_on", Some(OTHER)),
        ("noted", None),
        ("unknown", Some(OTHER)),
        ("unnoted", None),
    ];
    assert_eq!(registry(&*target).await, expected.map(|(name, store)| (name.to_owned(), store)));
    for name in ["noted", "unnoted"] {
        target.open(name).await.expect("the target keeps it still").close().await.expect("it closes");
    }
    assert!(
        moving.registered().await.expect("it can be asked again").is_empty(),
        "nothing is left to register"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_keeps_itself_stays_so_in_a_folder() {
    are_registered(Store::postgres().await, Store::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_keeps_itself_stays_so_in_a_database() {
    are_registered(Store::sqlite(), Store::postgres().await).await;
}
