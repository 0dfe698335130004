//! Older than what was acknowledged: never opened.

use std::fs;

use store::{
    Backend, Error, OutsideChange,
    conformance::{
        batch::{life, must, profile},
        identity,
    },
};
use store_sqlite::{Anchored, SqliteBackend, anchored};

use super::{Room, copy, people};

async fn refused(backend: &SqliteBackend) -> String {
    match backend.open("one").await.err() {
        Some(error @ Error::Rewound { .. }) => error.to_string(),
        other => panic!("it must be refused as rewound, not {other:?}"),
    }
}

#[tokio::test]
async fn an_older_copy_of_the_data_file_is_refused() {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, 5).await;
    one.close().await.expect("well");
    let older = fs::read(room.store()).expect("it is there");
    let one = backend.open("one").await.expect("well");
    people(&one, 5, 6).await;
    one.close().await.expect("well");
    let newest = fs::read(room.store()).expect("it is there");
    fs::write(room.store(), older).expect("it can be put back");
    let said = refused(&backend).await;
    assert!(
        said.contains("record 18") && said.contains("record 15") && said.contains("greenroom restore"),
        "{said}"
    );
    fs::write(room.store(), newest).expect("it can be put back");
    let one = backend.open("one").await.expect("the newest is fine");
    assert_eq!(one.record_count().await.expect("well"), 18);
}

#[tokio::test]
async fn an_older_copy_that_went_on_elsewhere_is_refused() {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, 5).await;
    one.close().await.expect("well");
    drop(backend);
    let elsewhere = Room::new();
    copy(&room.data(), &elsewhere.data());
    let backend = room.backend();
    let one = backend.open("one").await.expect("well");
    people(&one, 5, 6).await;
    one.close().await.expect("well");
    let other = elsewhere.backend();
    let one = other.open("one").await.expect("well");
    people(&one, 6, 9).await;
    one.close().await.expect("well");
    fs::copy(elsewhere.store(), room.store()).expect("it can be copied");
    let said = refused(&backend).await;
    assert!(said.contains("not the one that has been acknowledged"), "{said}");
}

#[tokio::test]
async fn losing_only_a_key_is_noticed_too() {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, 1).await;
    one.close().await.expect("well");
    let older = fs::read(room.store()).expect("it is there");
    let one = backend.open("one").await.expect("well");
    one.outside(OutsideChange::DropSecret("smtp".to_owned())).await.expect("well");
    one.close().await.expect("well");
    fs::write(room.store(), older).expect("it can be put back");
    refused(&backend).await;
}

#[tokio::test]
async fn a_log_cut_short_is_refused() {
    let room = Room::new();
    let (_backend, one) = room.create().await;
    people(&one, 0, 30).await;
    // As a crash leaves it: nothing is closed.
    let log = {
        let mut name = room.store().into_os_string();
        name.push("-wal");
        name
    };
    let whole = fs::read(&log).expect("it is there").len();
    assert!(whole > 50_000, "the log holds something");
    for part in [0, whole / 3, whole - 4_200] {
        let crashed = Room::new();
        copy(&room.data(), &crashed.data());
        let cut = crashed.data().join("environments/one/store.db-wal");
        fs::OpenOptions::new()
            .write(true)
            .open(&cut)
            .and_then(|file| file.set_len(part as u64))
            .expect("it can be cut");
        let backend = crashed.backend();
        if part == 0 {
            // Without its log the file has not even a schema, or is behind: in any case it is not opened.
            assert!(backend.open("one").await.is_err());
        } else {
            refused(&backend).await;
        }
    }
    let crashed = Room::new();
    copy(&room.data(), &crashed.data());
    let backend = crashed.backend();
    let again = backend.open("one").await.expect("with its whole log it opens");
    assert_eq!(again.record_count().await.expect("well"), 90);
    assert_eq!(again.check().await.expect("well"), Vec::<String>::new());
}

#[tokio::test]
async fn one_bad_slot_is_no_harm_and_two_are_said() {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, 5).await;
    one.close().await.expect("well");
    let slots = [0, 1].map(|slot| room.data().join(format!("anchors/one.{slot}")));
    assert!(slots.iter().all(|slot| slot.exists()), "they are written in turn");
    for bad in &slots {
        let good = fs::read(bad).expect("it is there");
        fs::write(bad, &good[..good.len() / 2]).expect("it can be torn");
        let one = backend.open("one").await.expect("the other slot is good enough");
        one.close().await.expect("well");
    }
    for slot in &slots {
        fs::write(slot, "nonsense").expect("it can be written");
    }
    let one = backend.open("one").await.expect("nothing can be told; it is logged");
    must(&one, 0, life(profile(100), 0, 1)).await;
    one.close().await.expect("well");
    assert!(
        slots
            .iter()
            .any(|slot| fs::read_to_string(slot).is_ok_and(|text| text.starts_with("greenroom-anchor")))
    );
}

#[tokio::test]
async fn a_file_of_another_environment_is_refused() {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, 2).await;
    let two = backend.create(identity("two"), store::conformance::at(0)).await.expect("it can be made");
    people(&two, 0, 2).await;
    for handle in [&one, &two] {
        handle.close().await.expect("well");
    }
    fs::copy(room.data().join("environments/two/store.db"), room.store()).expect("it can be copied");
    let refused = backend.open("one").await.err();
    assert!(matches!(&refused, Some(Error::Refused(said)) if said.contains("two")), "{refused:?}");
}

#[tokio::test]
async fn whoever_only_looks_sees_what_opening_would_say() {
    let room = Room::new();
    let look = || {
        let found = anchored(&room.data()).expect("it can be read");
        assert!(found.len() == 1 && found[0].0 == "one", "{found:?}");
        found.into_iter().next().map(|(_, told)| told)
    };
    assert!(anchored(&room.data()).expect("nothing is there yet").is_empty());
    let (backend, one) = room.create().await;
    people(&one, 0, 5).await;
    assert!(matches!(look(), Some(Anchored::Agrees)), "while it is served");
    one.close().await.expect("well");
    assert!(matches!(look(), Some(Anchored::Agrees)), "{:?}", look());
    let older = fs::read(room.store()).expect("it is there");
    let one = backend.open("one").await.expect("looking has harmed nothing");
    people(&one, 5, 6).await;
    one.close().await.expect("well");
    drop(backend);
    for beside in ["-wal", "-shm"] {
        let mut name = room.store().into_os_string();
        name.push(beside);
        let _ = fs::remove_file(name);
    }
    fs::write(room.store(), older).expect("it can be put back");
    let told = look();
    assert!(matches!(&told, Some(Anchored::Not(Error::Rewound { .. }))), "{told:?}");
    for slot in 0..2 {
        fs::remove_file(room.data().join(format!("anchors/one.{slot}"))).expect("it is there");
    }
    assert!(matches!(look(), Some(Anchored::Unknown)));
    fs::write(room.store(), b"no database").expect("it can be written");
    assert!(matches!(look(), Some(Anchored::Not(_))));
}
