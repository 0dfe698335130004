//! Erasing people.

use super::{
    Bench, at,
    batch::{hash, life, must, outbox, profile, quarantined, record, write},
};
use crate::{Direction, DirectoryEntry, DirectoryKey, Environment, Error, ProfileWrite, Stream, Writes};

/// A person with something in every table: two records, an audience, a search term, an outbox row.
pub async fn settle(environment: &std::sync::Arc<dyn Environment>, no: u32, marker: &str) {
    let id = profile(no);
    let mut writes = life(id, 0, 2);
    for record in &mut writes.records {
        record.body = Some(format!("{marker} body {}", record.n).into_bytes());
    }
    let row = &mut writes.profiles[0];
    row.row.state = format!("{marker} state").into_bytes().into();
    row.entered = vec![("club".into(), at(1))];
    row.found_by = vec![("email".into(), format!("{marker}@example.org"))];
    writes.outbox = vec![outbox(id, 1, 0, &format!("{{\"to\":\"{marker}\"}}"))];
    writes.claims.push(super::batch::claim(no, id, 1));
    writes.claims.push(crate::Claim {
        key: DirectoryKey::Identity(hash(1_000 + no)),
        expected: None,
        entry: DirectoryEntry::Profile(id),
    });
    must(environment, 0, writes).await;
}

/// The erasure of that person, as a batch.
pub fn erasure(no: u32) -> Writes {
    let id = profile(no);
    let mut row: ProfileWrite = write(id, 2, 3);
    row.row.state = b"erased".as_slice().into();
    Writes {
        records: vec![record(Stream::Profile(id), 3)],
        profiles: vec![row],
        erase: vec![Stream::Profile(id)],
        forget: vec![DirectoryKey::Identity(hash(1_000 + no))],
        ..Writes::default()
    }
}

/// Whether nothing of that person is left but headers and the keys of messages.
pub async fn is_gone(environment: &std::sync::Arc<dyn Environment>, no: u32, marker: &str) {
    let stream = Stream::Profile(profile(no));
    let records = environment.stream(stream, Direction::Forward, None, 10).await.expect("well").rows;
    assert!(!records.is_empty());
    for record in records {
        assert_eq!(record.body, None, "record {}", record.n);
        assert!(!record.header.is_empty(), "headers stay");
    }
    let email = format!("{marker}@example.org");
    assert!(environment.search("email", &email, None, 9).await.expect("well").rows.is_empty());
    let members = environment.members("club", None, 99).await.expect("well").rows;
    assert!(members.iter().all(|membership| membership.profile != profile(no)));
    let outbox = environment.outbox(None, 99).await.expect("well").rows;
    let own: Vec<_> = outbox.iter().filter(|row| row.profile == profile(no)).collect();
    assert_eq!(own.len(), 1, "the row stays, as a trace");
    assert_eq!(own[0].payload, "");
}

/// Bodies, memberships, search terms and payloads go; headers and other people stay.
pub async fn an_erased_person_is_gone(bench: &Bench) {
    let pair = bench.pair("one").await;
    settle(&pair.a, 1, "otto").await;
    settle(&pair.a, 2, "anna").await;
    must(&pair.b, 0, erasure(1)).await;
    for handle in [&pair.a, &pair.b] {
        is_gone(handle, 1, "otto").await;
    }
    let keys = [DirectoryKey::Message(hash(1)), DirectoryKey::Identity(hash(1_001))];
    let found = pair.a.lookup(&keys).await.expect("well");
    assert!(found[0].is_some(), "a late retry still has no effect");
    assert_eq!(found[1], None);
    let anna =
        pair.a.stream(Stream::Profile(profile(2)), Direction::Forward, None, 9).await.expect("well").rows;
    assert!(anna.iter().all(|record| record.body.is_some()));
    assert_eq!(pair.a.member_counts().await.expect("well"), vec![("club".into(), 1)]);
    assert_eq!(
        pair.a.search("email", "anna@example.org", None, 9).await.expect("well").rows,
        vec![profile(2)]
    );
    assert!(pair.a.erasures_pending().await.expect("well").is_empty());
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
    // The stream goes on, and may be erased again.
    must(&pair.a, 0, life(profile(1), 3, 4)).await;
    let mut again = life(profile(1), 4, 5);
    again.erase = vec![Stream::Profile(profile(1))];
    must(&pair.b, 0, again).await;
    is_gone(&pair.a, 1, "otto").await;
    let control = Writes { erase: vec![Stream::Control], ..Writes::default() };
    let refused = super::batch::commit(&pair.a, 0, control).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

/// Also one that has been released already.
pub async fn an_erased_quarantined_event_is_gone(bench: &Bench) {
    let pair = bench.pair("one").await;
    let (standing, released, whose) = (hash(1), hash(2), hash(50));
    for message in [standing, released, hash(3)] {
        let identity = (message != hash(3)).then_some(whose);
        let writes = Writes {
            records: vec![record(Stream::Quarantine(message), 1)],
            quarantine: vec![(message, Some(quarantined(message, identity, at(1))))],
            ..Writes::default()
        };
        must(&pair.a, 0, writes).await;
    }
    let release = Writes {
        records: vec![record(Stream::Quarantine(released), 2)],
        quarantine: vec![(released, None)],
        ..Writes::default()
    };
    must(&pair.a, 0, release).await;
    let theirs = pair.b.quarantine_of(whose).await.expect("well");
    assert_eq!(theirs.len(), 2);
    let erase = Writes { erase: theirs.into_iter().map(Stream::Quarantine).collect(), ..Writes::default() };
    must(&pair.b, 0, erase).await;
    for (message, n) in [(standing, 1), (released, 1), (released, 2)] {
        let found =
            pair.a.record(Stream::Quarantine(message), n).await.expect("well").expect("its header stays");
        assert_eq!(found.body, None);
    }
    let rows = pair.a.quarantine(None, 9).await.expect("well").rows;
    assert_eq!(rows.iter().map(|row| row.message).collect::<Vec<_>>(), vec![hash(3)]);
    assert!(pair.a.quarantine_of(whose).await.expect("well").is_empty());
}
