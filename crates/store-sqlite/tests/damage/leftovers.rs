//! Nothing of an erased person is left in any file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use store::{
    Stream, Writes,
    conformance::{
        Dice, at,
        batch::{claim, life, must, outbox, profile, quarantined, record},
        erasure::{erasure, settle},
    },
};

use super::{Room, people};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The files of a folder in which a text stands.
fn holding(folder: &Path, marker: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(folder, &mut found);
    let has = |path: &PathBuf| {
        let bytes = fs::read(path).expect("it can be read");
        bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
    };
    found.retain(has);
    found
}

#[tokio::test]
async fn an_erased_person_is_in_no_file() {
    let room = Room::new();
    let (_backend, one) = room.create().await;
    settle(&one, 1, "MARKER-otto").await;
    people(&one, 10, 40).await;
    assert!(!holding(&room.data(), "MARKER-otto").is_empty(), "the search works");
    must(&one, 0, erasure(1)).await;
    assert_eq!(holding(&room.data(), "MARKER-otto"), Vec::<PathBuf>::new(), "while it is open");
    one.close().await.expect("well");
    assert_eq!(holding(&room.data(), "MARKER-otto"), Vec::<PathBuf>::new(), "and after closing");
}

/// States that grow and shrink move rows between pages; what they leave behind has to go too.
#[tokio::test]
async fn nor_is_one_whose_rows_have_moved_about() {
    let room = Room::new();
    let (_backend, one) = room.create().await;
    let mut dice = Dice(3);
    let people = 60_u32;
    let mut ends = vec![0_u64; people as usize];
    for round in 0..900_u32 {
        let no = u32::try_from(dice.below(u64::from(people))).expect("it is below");
        let (id, end) = (profile(no), &mut ends[no as usize]);
        let mark = |what: &str, size: u64| {
            let mut text =
                format!("MARKER-{no:03}-{what} ").repeat(1 + usize::try_from(size / 16).expect("small"));
            text.push('.');
            text
        };
        let mut writes = life(id, *end, *end + 1);
        writes.records[0].body = Some(mark("body", dice.below(3_000)).into_bytes());
        let row = &mut writes.profiles[0];
        row.row.state = mark("state", dice.below(2_500)).into_bytes().into();
        let city: std::sync::Arc<str> = "city".into();
        row.no_longer_found_by = vec![(city.clone(), mark(&format!("city{end}"), 40))];
        row.found_by = vec![(city, mark(&format!("city{}", *end + 1), 40))];
        row.entered = vec![("club".into(), at(i64::from(round)))];
        writes.outbox = vec![outbox(id, *end + 1, 0, &mark("payload", dice.below(500)))];
        writes.claims.push(claim(round, id, *end + 1));
        *end += 1;
        must(&one, 0, writes).await;
    }
    for no in (0..people).filter(|no| ends[*no as usize] > 0) {
        let (id, end) = (profile(no), ends[no as usize]);
        let mut writes = life(id, end, end + 1);
        writes.profiles[0].row.state = b"erased".as_slice().into();
        writes.erase = vec![Stream::Profile(id)];
        must(&one, 0, writes).await;
        let left = holding(&room.data(), &format!("MARKER-{no:03}"));
        assert_eq!(left, Vec::<PathBuf>::new(), "profile {no}");
    }
}

#[tokio::test]
async fn an_erased_quarantined_event_is_in_no_file() {
    let room = Room::new();
    let (_backend, one) = room.create().await;
    let message = [4; 16];
    let stream = Stream::Quarantine(message);
    let mut put = Writes { records: vec![record(stream, 1)], ..Writes::default() };
    put.records[0].body = Some(b"MARKER-body".to_vec());
    let mut row = quarantined(message, Some([5; 16]), at(1));
    row.errors = "[\"MARKER-errors\"]".to_owned();
    put.quarantine = vec![(message, Some(row))];
    must(&one, 0, put).await;
    must(&one, 0, Writes { erase: vec![stream], ..Writes::default() }).await;
    assert_eq!(holding(&room.data(), "MARKER"), Vec::<PathBuf>::new());
}
