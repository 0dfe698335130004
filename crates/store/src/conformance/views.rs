//! What the records add up to, as far as the store keeps it.

use std::sync::Arc;

use ledger::Account;

use super::{
    Bench, at,
    batch::{claim, commit, hash, life, must, profile, quarantined, record, sum},
};
use crate::{Claim, Commit, ControlWrites, DirectoryEntry, DirectoryKey, Due, DueOwner, Stream, Writes};

/// Every key leads where it was last claimed to, and the kinds of keys are apart.
pub async fn the_directory_is_exact(bench: &Bench) {
    let pair = bench.pair("one").await;
    let mut writes = Writes::default();
    for no in 0..300 {
        writes.claims.push(claim(no, profile(no), u64::from(no) * 1_000));
    }
    let same = hash(7);
    let kinds = [DirectoryKey::Identity(same), DirectoryKey::Unique(same), DirectoryKey::Command(same)];
    let entries = [
        DirectoryEntry::Profile(profile(1)),
        DirectoryEntry::Record(Stream::Quarantine(hash(3)), 2),
        DirectoryEntry::Record(Stream::Control, u64::MAX),
    ];
    for (key, entry) in kinds.into_iter().zip(entries) {
        writes.claims.push(Claim { key, expected: None, entry });
    }
    must(&pair.a, 0, writes).await;
    let keys: Vec<_> = (0..310).map(|no| DirectoryKey::Message(hash(no))).chain(kinds).collect();
    let found = pair.b.lookup(&keys).await.expect("well");
    for (no, found) in (0..300_u32).zip(&found) {
        let expected = DirectoryEntry::Record(Stream::Profile(profile(no)), u64::from(no) * 1_000);
        assert_eq!(*found, Some(expected));
    }
    assert!(found[300..310].iter().all(Option::is_none));
    assert_eq!(found[310..], entries.map(Some));
    let forgetting = Writes { forget: vec![kinds[0], DirectoryKey::Unique(hash(8))], ..Writes::default() };
    must(&pair.b, 0, forgetting).await;
    let found = pair.a.lookup(&kinds).await.expect("well");
    assert_eq!(found, vec![None, Some(entries[1]), Some(entries[2])]);
}

/// Absent when absence is expected, the very entry otherwise; several claims on one key go in their order.
pub async fn a_claim_must_find_what_it_expects(bench: &Bench) {
    let pair = bench.pair("one").await;
    let key = DirectoryKey::Identity(hash(1));
    let to = |no| DirectoryEntry::Profile(profile(no));
    let claiming = |expected, entry| Writes {
        claims: vec![claim(900, profile(0), 1), Claim { key, expected, entry }],
        ..Writes::default()
    };
    let wrong = claiming(Some(to(1)), to(2));
    assert_eq!(commit(&pair.a, 0, wrong).await.expect("well"), Commit::Conflict);
    let absent = pair.b.lookup(&[DirectoryKey::Message(hash(900))]).await.expect("well");
    assert_eq!(absent, vec![None], "nothing of a conflict is written");
    let two = Writes {
        claims: vec![
            Claim { key, expected: None, entry: to(1) },
            Claim { key, expected: Some(to(1)), entry: to(2) },
        ],
        ..Writes::default()
    };
    must(&pair.a, 0, two).await;
    assert_eq!(commit(&pair.b, 0, claiming(None, to(3))).await.expect("well"), Commit::Conflict);
    assert_eq!(commit(&pair.b, 0, claiming(Some(to(1)), to(3))).await.expect("well"), Commit::Conflict);
    must(&pair.b, 0, claiming(Some(to(2)), to(3))).await;
    assert_eq!(pair.a.lookup(&[key]).await.expect("well"), vec![Some(to(3))]);
}

/// Profiles and schedules in one list.
pub async fn due_work_comes_earliest_first(bench: &Bench) {
    let pair = bench.pair("one").await;
    assert_eq!(pair.a.next_due().await.expect("well"), None);
    for (no, due) in [(1, Some(50)), (2, Some(10)), (3, None), (4, Some(30))] {
        let mut writes = life(profile(no), 0, 1);
        writes.profiles[0].row.due_at = due.map(at);
        must(&pair.a, 0, writes).await;
    }
    let schedules = vec![("reactor/late".to_owned(), at(90)), ("reactor/spring".to_owned(), at(20))];
    let control = ControlWrites {
        record: Some(record(Stream::Control, 1)),
        schedules: Some(schedules),
        ..ControlWrites::default()
    };
    assert_eq!(pair.b.control(0, control).await.expect("well"), Commit::Committed);
    let of = |no| DueOwner::Profile(profile(no));
    let spring = DueOwner::Schedule("reactor/spring".to_owned());
    let due = pair.b.due(at(50), 10).await.expect("well");
    let expected = [(10, of(2)), (20, spring.clone()), (30, of(4)), (50, of(1))];
    assert_eq!(due, expected.map(|(when, owner)| Due { at: at(when), owner }));
    assert_eq!(pair.b.due(at(49), 10).await.expect("well").len(), 3);
    let two: Vec<_> = pair.b.due(at(99), 2).await.expect("well").into_iter().map(|due| due.owner).collect();
    assert_eq!(two, [of(2), spring]);
    assert_eq!(pair.b.next_due().await.expect("well"), Some(at(10)));
    // Done, and due again later.
    let mut writes = life(profile(2), 1, 2);
    writes.profiles[0].row.due_at = Some(at(70));
    must(&pair.b, 1, writes).await;
    assert_eq!(pair.a.next_due().await.expect("well"), Some(at(20)));
    let replaced = ControlWrites { schedules: Some(Vec::new()), ..ControlWrites::default() };
    assert_eq!(pair.a.control(1, replaced).await.expect("well"), Commit::Committed);
    assert_eq!(pair.a.next_due().await.expect("well"), Some(at(30)));
    assert_eq!(pair.a.epoch().await.expect("well"), 1, "without a record the epoch stays");
}

/// Which profiles a sweep has still to visit.
pub async fn behind_counts_profiles_of_other_manifests(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..9_u32 {
        let mut writes = life(profile(no), 0, 1);
        writes.profiles[0].row.manifest = [u8::try_from(no % 3).unwrap_or(0); 32];
        must(&pair.a, 0, writes).await;
    }
    assert_eq!(pair.b.behind_count([0; 32]).await.expect("well"), (6, 9));
    assert_eq!(pair.b.behind_count([77; 32]).await.expect("well"), (6, 9), "those at none are not");
    assert_eq!(pair.b.behind([77; 32], 100).await.expect("well").len(), 6);
    assert_eq!(pair.b.behind([0; 32], 4).await.expect("well").len(), 4);
    let mut behind = pair.b.behind([0; 32], 100).await.expect("well");
    behind.sort_unstable();
    let mut expected: Vec<_> = (0..9).filter(|no| no % 3 != 0).map(profile).collect();
    expected.sort_unstable();
    assert_eq!(behind, expected);
    for no in (0..9).filter(|no| no % 3 != 0) {
        let mut writes = life(profile(no), 1, 2);
        writes.profiles[0].row.manifest = [0; 32];
        must(&pair.b, 0, writes).await;
    }
    assert_eq!(pair.a.behind_count([0; 32]).await.expect("well"), (0, 9));
    assert!(pair.a.behind([0; 32], 4).await.expect("well").is_empty());
}

/// Entering twice counts once, leaving what one is not in counts nothing.
pub async fn members_are_counted(bench: &Bench) {
    let pair = bench.pair("one").await;
    let key: Arc<str> = "big_spenders".into();
    for no in 0..5 {
        let mut writes = life(profile(no), 0, 1);
        writes.profiles[0].entered = vec![(key.clone(), at(i64::from(no)))];
        must(&pair.a, 0, writes).await;
    }
    let mut again = life(profile(1), 1, 2);
    again.profiles[0].entered = vec![(key.clone(), at(100))];
    must(&pair.b, 0, again).await;
    let mut gone = life(profile(2), 1, 2);
    gone.profiles[0].left = vec![key.clone(), "never".into()];
    must(&pair.b, 0, gone).await;
    assert_eq!(pair.a.member_counts().await.expect("well"), vec![(key.clone(), 4)]);
    let members = pair.a.members(&key, None, 10).await.expect("well").rows;
    let mut expected: Vec<_> = [(0, 0), (1, 100), (3, 3), (4, 4)]
        .map(|(no, since)| crate::Membership { profile: profile(no), since: at(since) })
        .into();
    expected.sort_by_key(|membership| membership.profile);
    assert_eq!(members, expected);
    assert!(pair.a.members("nobody", None, 10).await.expect("well").rows.is_empty());
}

/// Exact values of one trait; a value gone is not found.
pub async fn search_finds_exact_values(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..6 {
        let mut writes = life(profile(no), 0, 1);
        let found_by = &mut writes.profiles[0].found_by;
        found_by.push(("city".into(), if no % 2 == 0 { "Graz" } else { "Linz" }.to_owned()));
        found_by.push(("email".into(), format!("m{no}@example.org")));
        must(&pair.a, 0, writes).await;
    }
    let mut moved = life(profile(0), 1, 2);
    moved.profiles[0].no_longer_found_by = vec![("city".into(), "Graz".to_owned())];
    moved.profiles[0].found_by = vec![("city".into(), "Linz".to_owned())];
    must(&pair.b, 0, moved).await;
    let find = async |key: &str, value: &str| {
        let mut rows = pair.a.search(key, value, None, 10).await.expect("well").rows;
        rows.sort_unstable();
        rows
    };
    let sorted = |numbers: &[u32]| {
        let mut ids: Vec<_> = numbers.iter().map(|no| profile(*no)).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(find("city", "Graz").await, sorted(&[2, 4]));
    assert_eq!(find("city", "Linz").await, sorted(&[0, 1, 3, 5]));
    assert_eq!(find("email", "m3@example.org").await, sorted(&[3]));
    assert_eq!(find("email", "Graz").await, []);
    assert_eq!(find("city", "graz").await, [], "the value is compared as it is");
}

/// Several changes of one account in one batch, also to zero.
pub async fn sums_add_up(bench: &Bench) {
    let pair = bench.pair("one").await;
    let changes = |changes: Vec<crate::SumChange>| Writes { sums: changes, ..Writes::default() };
    let first = vec![
        sum("points", Account::Issued, -10),
        sum("points", Account::Available, 4),
        sum("points", Account::Available, 6),
        sum("stars", Account::Clearing, i64::MAX),
    ];
    must(&pair.a, 0, changes(first)).await;
    must(
        &pair.b,
        0,
        changes(vec![sum("points", Account::Available, -10), sum("points", Account::Redeemed, 10)]),
    )
    .await;
    let mut sums = pair.a.sums().await.expect("well");
    sums.retain(|(_, _, amount)| *amount != 0);
    sums.sort();
    let expected = vec![
        ("points".into(), Account::Issued, -10),
        ("points".into(), Account::Redeemed, 10),
        ("stars".into(), Account::Clearing, i64::MAX),
    ];
    assert_eq!(sums, expected);
    let over = commit(&pair.a, 0, changes(vec![sum("stars", Account::Clearing, 1)])).await;
    assert!(over.is_err(), "a sum leaves its range loudly: {over:?}");
}

/// The row goes when its event is released, and whose it was stays known.
pub async fn quarantine_knows_whose_events_it_holds(bench: &Bench) {
    let pair = bench.pair("one").await;
    let (one, other, whose) = (hash(1), hash(2), hash(50));
    let put = |message, identity, when| Writes {
        records: vec![record(Stream::Quarantine(message), 1)],
        quarantine: vec![(message, Some(quarantined(message, identity, at(when))))],
        ..Writes::default()
    };
    must(&pair.a, 0, put(one, Some(whose), 5)).await;
    must(&pair.b, 0, put(other, None, 9)).await;
    assert_eq!(commit(&pair.a, 0, put(one, None, 1)).await.expect("well"), Commit::Conflict);
    let standing = pair.a.quarantine(None, 10).await.expect("well").rows;
    assert_eq!(standing, vec![quarantined(other, None, at(9)), quarantined(one, Some(whose), at(5))]);
    assert_eq!(pair.a.quarantine_of(whose).await.expect("well"), vec![one]);
    let release = Writes {
        records: vec![record(Stream::Quarantine(one), 2)],
        quarantine: vec![(one, None)],
        ..Writes::default()
    };
    must(&pair.b, 0, release).await;
    assert_eq!(pair.a.quarantine(None, 10).await.expect("well").rows.len(), 1);
    assert_eq!(pair.a.quarantine_of(whose).await.expect("well"), vec![one], "its record is still there");
    let second = pair.a.record(Stream::Quarantine(one), 2).await.expect("well");
    assert!(second.is_some_and(|record| record.body.is_some()));
}
