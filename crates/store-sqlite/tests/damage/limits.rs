//! No space left, and two who want one folder.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use store::{
    Backend, Commit, Error,
    conformance::{
        batch::{commit, life, must, profile},
        together,
    },
};
use store_sqlite::{Options, SqliteBackend};

use super::{Room, people};

#[tokio::test]
async fn a_full_file_says_so_and_goes_on_by_itself() {
    let mut room = Room::new();
    room.options.file_bytes_max = Some(1 << 20);
    let (backend, one) = room.create().await;
    people(&one, 0, 20).await;
    let before = one.record_count().await.expect("well");
    let mut large = life(profile(1_000), 0, 1);
    large.records[0].body = Some(vec![7; 2 << 20]);
    let refused = commit(&one, 0, large.clone()).await;
    assert!(matches!(&refused, Err(Error::Full(what)) if what.contains("one")), "{refused:?}");
    assert_eq!(one.record_count().await.expect("reading goes on"), before);
    // Whether it can be written tells of the failure, until asking has opened the store again.
    let mut writable = one.writable().await;
    assert!(matches!(writable, Err(Error::Full(_) | Error::Recovering(_))), "{writable:?}");
    for _ in 0..200 {
        if writable.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        writable = one.writable().await;
    }
    writable.expect("it is open again");
    // Small ones still fit. Until the writer is open again the answer stays the same.
    let mut answer = commit(&one, 0, life(profile(1_001), 0, 1)).await;
    for _ in 0..200 {
        if answer.is_ok() {
            break;
        }
        assert!(matches!(answer, Err(Error::Full(_) | Error::Recovering(_))), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
        answer = commit(&one, 0, life(profile(1_001), 0, 1)).await;
    }
    assert_eq!(answer.expect("it went on"), Commit::Committed);
    assert_eq!(one.check().await.expect("well"), Vec::<String>::new());
    one.close().await.expect("well");
    drop((one, backend));
    room.options.file_bytes_max = None;
    let backend = room.backend();
    let one = backend.open("one").await.expect("well");
    must(&one, 0, large).await;
    assert_eq!(one.record_count().await.expect("well"), before + 2);
}

/// What was acknowledged before the space ran out is there, what was not is not.
#[tokio::test]
async fn filling_up_loses_nothing_acknowledged() {
    let mut room = Room::new();
    room.options.file_bytes_max = Some(600_000);
    let (_backend, one) = room.create().await;
    let one = &one;
    let mut acknowledged = 0;
    let mut refused = 0;
    for round in 0..60_u32 {
        let racing = (0..8_u32).map(|no| {
            let mut writes = life(profile(round * 8 + no), 0, 2);
            writes.records[0].body = Some(vec![7; 3_000]);
            Box::pin(async move { commit(one, 0, writes).await }) as _
        });
        let outcomes: Vec<store::Result<Commit>> = together(racing.collect()).await;
        for outcome in outcomes {
            match outcome {
                Ok(outcome) => {
                    assert_eq!(outcome, Commit::Committed);
                    acknowledged += 2;
                }
                Err(Error::Full(_) | Error::Recovering(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(refused > 0 && acknowledged > 100, "{acknowledged} acknowledged, {refused} refused");
    assert_eq!(one.record_count().await.expect("well"), acknowledged);
    assert_eq!(one.check().await.expect("well"), Vec::<String>::new());
}

#[test]
fn a_second_holder_is_refused_also_from_another_process() {
    let room = Room::new();
    let backend = room.backend();
    let refused = SqliteBackend::open(&room.data(), Options::default()).err().map(|error| error.to_string());
    let said = refused.expect("it is held");
    assert!(said.contains(&room.data().display().to_string()), "{said}");
    assert!(said.contains(&std::process::id().to_string()), "{said}");
    // The same from a process of its own.
    let child = Command::new(std::env::current_exe().expect("this is a file"))
        .args(["--exact", "limits::another_process_tries", "--ignored", "--nocapture"])
        .env("GREENROOM_TEST_FOLDER", room.data())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && said.contains("in use by another process"), "{said}");
    drop(backend);
    room.backend();
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn another_process_tries() {
    use std::io::Write;
    let Some(folder) = std::env::var_os("GREENROOM_TEST_FOLDER") else { return };
    let error = SqliteBackend::open(folder.as_ref(), Options::default()).err().expect("it is held");
    writeln!(std::io::stdout(), "{error}").expect("somebody listens");
}

#[tokio::test]
async fn only_the_owner_may_read() {
    let room = Room::new();
    let (_backend, one) = room.create().await;
    people(&one, 0, 3).await;
    one.backup(&room.folder.path().join("backup")).await.expect("well");
    let mut waiting = vec![room.data(), room.folder.path().join("backup")];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let found = fs::metadata(&path).expect("it is there");
        let mode = found.permissions().mode() & 0o777;
        let right = if found.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, right, "{}", path.display());
        seen += 1;
        if found.is_dir() {
            waiting.extend(
                fs::read_dir(&path).expect("it can be read").map(|entry| entry.expect("it reads").path()),
            );
        }
    }
    assert!(seen > 8, "{seen} files and folders");
}
