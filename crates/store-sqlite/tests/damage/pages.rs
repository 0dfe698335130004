//! A bad page: an error that says which file and what to do, for whoever needs the page and for nobody else.

use std::{fs, path::Path, sync::Arc};

use rusqlite::Connection;
use store::{
    Backend, Commit, DirectoryKey, Environment, Error,
    conformance::{
        batch::{claim, commit, hash, life, must, profile},
        together,
    },
};
use store_sqlite::SqliteBackend;

use super::{Room, copy, people};

const PAGE: usize = 4096;
const PEOPLE: u32 = 60;

/// A closed store with some people in it.
async fn filled() -> (Room, SqliteBackend) {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, PEOPLE).await;
    one.close().await.expect("well");
    (room, backend)
}

fn pages(path: &Path) -> usize {
    fs::read(path).expect("it is there").len() / PAGE
}

/// Flips a bit in a page, or flips it back.
fn flip(path: &Path, page: usize) {
    let mut bytes = fs::read(path).expect("it is there");
    bytes[page * PAGE + 1_000] ^= 4;
    fs::write(path, bytes).expect("it can be written");
}

fn of_page(path: &Path, page: usize) -> Vec<u8> {
    fs::read(path).expect("it is there")[page * PAGE..][..PAGE].to_vec()
}

/// Says which file it is, whose, and what to do.
fn is_told(error: &Error) -> bool {
    let said = error.to_string();
    matches!(error, Error::Damaged { .. })
        && ["environments/one/store.db", "environment `one`", "restore a backup"]
            .iter()
            .all(|part| said.contains(part))
}

/// What became of an attempt to put new people in, all at once, one batch each.
async fn newcomers(one: &Arc<dyn Environment>, from: u32) -> Vec<store::Result<Commit>> {
    let one = &one;
    let racing = (from..from + 8).map(|no| {
        let mut writes = life(profile(no), 0, 2);
        writes.claims.push(claim(no, profile(no), 1));
        Box::pin(async move { commit(one, 0, writes).await }) as _
    });
    together(racing.collect()).await
}

/// Every page in turn: what was acknowledged beside it is there, what was not is not, once the page is mended.
#[tokio::test]
async fn a_bad_page_stops_those_who_need_it_and_leaves_nothing_half_done() {
    let (room, backend) = filled().await;
    let (mut acknowledged, mut refused, mut unopened) = (0, 0, 0);
    for page in 0..pages(&room.store()) {
        let first = 1_000 + u32::try_from(page).expect("few") * 16;
        flip(&room.store(), page);
        let bad = of_page(&room.store(), page);
        let mut there = Vec::new();
        match backend.open("one").await {
            Err(error) => {
                assert!(is_told(&error), "page {page}: {error}");
                unopened += 1;
            }
            Ok(one) => {
                for from in [first, first + 8] {
                    for (no, answer) in (from..).zip(newcomers(&one, from).await) {
                        match answer {
                            Ok(commit) => {
                                assert_eq!(commit, Commit::Committed, "page {page}");
                                there.push(no);
                            }
                            Err(Error::Recovering(_)) => refused += 1,
                            Err(error) => {
                                assert!(is_told(&error), "page {page}: {error}");
                                refused += 1;
                            }
                        }
                    }
                }
                // It may not close well, with such a file.
                let _ = one.close().await;
            }
        }
        acknowledged += there.len();
        assert_eq!(of_page(&room.store(), page), bad, "a page that cannot be read cannot be written either");
        flip(&room.store(), page);
        let one = backend.open("one").await.expect("it is as it was");
        assert_eq!(one.check().await.expect("well"), Vec::<String>::new(), "page {page}");
        let keys: Vec<_> = (first..first + 16).map(|no| DirectoryKey::Message(hash(no))).collect();
        for (no, found) in (first..).zip(one.lookup(&keys).await.expect("well")) {
            assert_eq!(found.is_some(), there.contains(&no), "page {page}, newcomer {no}");
        }
        one.close().await.expect("well");
    }
    assert!(
        acknowledged > 50 && refused > 10 && unopened > 0,
        "{acknowledged} acknowledged, {refused} refused, {unopened} not opened"
    );
}

/// Somebody who keeps asking for the bad page is in nobody's way.
#[tokio::test]
async fn the_writer_goes_on_after_a_bad_page() {
    let (room, backend) = filled().await;
    let stuck = async |one: &Arc<dyn Environment>, no: u32| {
        let mut writes = life(profile(no), 3, 4);
        writes.claims.push(claim(9_000 + no, profile(no), 4));
        commit(one, 0, writes).await
    };
    // A page that one of the people needs, but a new one does not.
    let mut tried = 0;
    for page in 1..pages(&room.store()) {
        flip(&room.store(), page);
        if let Ok(one) = backend.open("one").await {
            let mut hit = None;
            for no in 0..PEOPLE {
                // Nothing is written by these: they expect what is not so.
                if one.profiles(&[profile(no)]).await.is_err() {
                    hit = Some(no);
                    break;
                }
            }
            if let Some(no) = hit
                && one.profiles(&[profile(500_000)]).await.is_ok()
            {
                tried += 1;
                for round in 0..5 {
                    let error = stuck(&one, no).await.expect_err("its page is bad");
                    assert!(is_told(&error), "page {page}: {error}");
                    let new = life(profile(500_000 + u32::try_from(page).expect("few") * 10 + round), 0, 1);
                    match commit(&one, 0, new).await {
                        Ok(committed) => assert_eq!(committed, Commit::Committed),
                        // It happens to need the page too; then it is told so, and not to wait.
                        Err(error) => assert!(is_told(&error), "page {page}: {error}"),
                    }
                }
            }
            let _ = one.close().await;
        }
        flip(&room.store(), page);
    }
    assert!(tried > 2, "{tried} pages with somebody's row were tried");
    let one = backend.open("one").await.expect("it is as it was");
    assert_eq!(one.check().await.expect("well"), Vec::<String>::new());
}

#[tokio::test]
async fn readers_are_told_and_checks_name_it() {
    let (room, backend) = filled().await;
    let (mut told, mut complained, mut kept) = (0, 0, 0);
    let count = pages(&room.store());
    for page in 1..count {
        flip(&room.store(), page);
        if let Ok(one) = backend.open("one").await {
            for answer in [
                one.feed(store::Direction::Forward, None, 9_999).await.map(|_| ()),
                one.profile_list(None, 999).await.map(|_| ()),
            ] {
                if let Err(error) = answer {
                    assert!(is_told(&error), "page {page}: {error}");
                    told += 1;
                }
            }
            complained += usize::from(!one.check().await.expect("it says, it does not fail").is_empty());
            // What is damaged is not carried into backups.
            let to = room.folder.path().join(format!("backup-{page}"));
            match one.backup(&to).await {
                Err(error) => assert!(is_told(&error), "page {page}: {error}"),
                Ok(()) => kept += 1,
            }
            let _ = one.close().await;
        } else {
            complained += 1;
        }
        flip(&room.store(), page);
    }
    assert!(told > 5, "{told} reads were told");
    assert_eq!(complained, count - 1, "every bad page is complained about");
    assert_eq!(kept, 0, "backups of a damaged store");
}

#[tokio::test]
async fn a_damaged_control_store_is_named() {
    let (room, backend) = filled().await;
    drop(backend);
    let control = room.data().join("control.db");
    for page in 0..pages(&control) {
        flip(&control, page);
        let error = match SqliteBackend::open(&room.data(), room.options.clone()) {
            Err(error) => Some(error),
            Ok(backend) => backend.administrators().await.err(),
        };
        if let Some(error) = error {
            let said = error.to_string();
            assert!(said.contains("control.db") && !said.contains("environment `"), "page {page}: {said}");
        } else {
            assert!(page > 1, "the header and the schema are read at once");
        }
        flip(&control, page);
    }
    room.backend().open("one").await.expect("it is as it was");
}

/// As an earlier build made its files: pages to their last byte.
#[expect(clippy::disallowed_methods, reason = "that is the point")]
fn by_an_earlier_build(path: &Path) {
    fs::remove_file(path).expect("it is there");
    let plain = Connection::open(path).expect("it opens");
    plain
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE identity (one INTEGER PRIMARY KEY, name TEXT);
             INSERT INTO identity VALUES (1, 'one')",
        )
        .expect("it takes rows");
}

fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Refused(said) if said.contains("earlier build") && said.contains("new data folder"))
}

#[tokio::test]
async fn files_of_an_earlier_build_are_refused_and_left_alone() {
    let (room, backend) = filled().await;
    by_an_earlier_build(&room.store());
    let before = fs::read(room.store()).expect("it is there");
    let error = backend.open("one").await.err().expect("it has no room for seals");
    assert!(is_refused(&error) && error.to_string().contains("environments/one/store.db"), "{error}");
    assert_eq!(fs::read(room.store()).expect("it is there"), before);

    drop(backend);
    by_an_earlier_build(&room.data().join("control.db"));
    let error = SqliteBackend::open(&room.data(), room.options.clone()).err().expect("nor has this");
    assert!(is_refused(&error) && error.to_string().contains("control.db"), "{error}");
}

/// A backup of an earlier build is refused before it takes anybody's place.
#[tokio::test]
async fn a_backup_of_an_earlier_build_is_refused() {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, 3).await;
    let backup = room.folder.path().join("backup");
    one.backup(&backup).await.expect("well");
    one.close().await.expect("well");
    by_an_earlier_build(&backup.join("store.db"));
    let manifest = backup.join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("it is there");
    let mut said: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let bytes = fs::read(backup.join("store.db")).expect("it is there");
    said["bytes"] = bytes.len().into();
    said["sha256"] = sha256(&bytes).into();
    fs::write(&manifest, said.to_string()).expect("it can be written");
    let error =
        backend.restore("one", &backup, store::conformance::at(9)).await.err().expect("it is not ours");
    assert!(is_refused(&error), "{error}");
    let one = backend.open("one").await.expect("what was there still is");
    assert_eq!(one.record_count().await.expect("well"), 9);
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a text takes it");
    }
    text
}

/// A backup is sealed as the store is, and so is what comes of it.
#[tokio::test]
async fn a_backup_and_what_it_restores_are_sealed() {
    let room = Room::new();
    let (backend, one) = room.create().await;
    people(&one, 0, PEOPLE).await;
    let backup = room.folder.path().join("backup");
    one.backup(&backup).await.expect("well");
    must(&one, 0, life(profile(5_000), 0, 1)).await;
    one.close().await.expect("well");
    let one = backend.restore("one", &backup, store::conformance::at(9)).await.expect("well");
    people(&one, 100, 110).await;
    one.close().await.expect("well");
    drop(backend);
    for page in 1..pages(&room.store()) {
        let other = Room::new();
        copy(&room.data(), &other.data());
        flip(&other.store(), page);
        let backend = other.backend();
        let noticed = match backend.open("one").await {
            Err(_) => true,
            Ok(one) => !one.check().await.expect("well").is_empty(),
        };
        assert!(noticed, "page {page}");
    }
}
