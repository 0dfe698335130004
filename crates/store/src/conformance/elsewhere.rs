//! Environments that another store keeps, and this one only knows of.

use super::{
    Bench, at,
    batch::{life, must, profile},
    identity,
};
use crate::{Error, RegistryRow};

/// How the environment of a name is registered that the store of this id keeps.
fn row(name: &str, store: [u8; 16]) -> RegistryRow {
    let whose = identity(name);
    RegistryRow {
        id: whose.id,
        name: whose.name,
        live: whose.live,
        made_at: at(0),
        making: false,
        elsewhere: Some(store),
    }
}

/// Its name is taken, and nothing opens, makes or restores it here.
pub async fn what_is_kept_elsewhere_is_not_opened_here(bench: &Bench) {
    let backend = &bench.backend;
    let own = backend.id().await.expect("well");
    assert_eq!(own, backend.id().await.expect("well"), "drawn once");
    backend.register(row("one", [1; 16])).await.expect("well");
    backend.register(row("one", [2; 16])).await.expect("it may move on");
    assert_eq!(backend.environments().await.expect("well"), [row("one", [2; 16])]);

    let refused = backend.open("one").await.err();
    let told = matches!(&refused, Some(Error::Refused(said)) if said.contains("[environments.one.store]"));
    assert!(told, "{refused:?}");
    assert!(matches!(backend.create(identity("one"), at(0)).await.err(), Some(Error::Refused(_))));
    let mut other = identity("one");
    other.id = [7; 16];
    assert!(matches!(backend.create(other, at(0)).await.err(), Some(Error::Exists(_))));
    let mut other = row("one", [2; 16]);
    other.id = [7; 16];
    assert!(matches!(backend.register(other).await.err(), Some(Error::Exists(_))), "the name is taken");
    let mut other = row("two", [2; 16]);
    other.id = identity("one").id;
    assert!(matches!(backend.register(other).await.err(), Some(Error::Exists(_))), "so is the id");

    let two = backend.create(identity("two"), at(0)).await.expect("others are made as ever");
    let copy = bench.scratch.join("copy");
    two.backup(&copy).await.expect("well");
    two.close().await.expect("well");
    backend.register(row("two", [2; 16])).await.expect("nobody has it open");
    assert!(matches!(backend.restore("two", &copy, at(1)).await.err(), Some(Error::Refused(_))));
}

/// What was kept here once is neither opened nor in the way when it comes back.
pub async fn what_was_elsewhere_can_be_moved_here(bench: &Bench) {
    let backend = &bench.backend;
    let one = backend.create(identity("one"), at(0)).await.expect("well");
    must(&one, 0, life(profile(1), 0, 1)).await;
    one.close().await.expect("well");
    backend.register(row("one", [1; 16])).await.expect("well");
    backend.register(row("two", [1; 16])).await.expect("it never was here");
    assert!(matches!(backend.open("one").await.err(), Some(Error::Refused(_))), "as it was, it is old");

    for name in ["one", "two"] {
        let making = backend.begin(identity(name), at(0)).await.expect("it is only registered");
        making.environment().close().await.expect("well");
        making.finish().await.expect("well");
        let here = backend.open(name).await.expect("it is kept here now");
        assert_eq!(here.record_count().await.expect("well"), 0, "{name}: nothing is left of before");
        here.close().await.expect("well");
    }
    let rows = backend.environments().await.expect("well");
    assert!(rows.iter().all(|row| row.elsewhere.is_none() && !row.making), "{rows:?}");
}
