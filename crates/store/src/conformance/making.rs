//! Environments made out of another store's rows.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Bench, Pair, at,
    batch::{commit, hash, life, must, profile, quarantined, record, write},
    erasure::{erasure, is_gone, settle},
    identity,
    keeping::{exports, furnished, known},
    rehearsals::rehearsal,
};
use crate::{
    Carried, CarriedRecord, ControlWrites, CounterKey, Cursor, Environment, Error, KeyRow, Making, NewRecord,
    ObjectRow, OutsideChange, ProfileWrite, PromotionRow, Record, RevisionRow, SecretRow, Share, Stream,
    VIEWS, Writes,
};

/// A row, read back.
fn read(record: NewRecord) -> Record {
    let NewRecord { stream, n, decided_at, header, body } = record;
    Record { stream, n, decided_at, header, body }
}

fn carried(record: NewRecord) -> Carried {
    Carried::Record(CarriedRecord { record: read(record), outbox: Vec::new(), identity: None })
}

/// Everything that an environment carries, in pages of this size.
async fn carry(environment: &Arc<dyn Environment>, limit: usize) -> Vec<Carried> {
    let (mut all, mut after): (_, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = environment.carry(after, limit).await.expect("well");
        assert!(page.next.is_none() || !page.rows.is_empty(), "an empty page ends it");
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// Two people and one who has been erased, quarantine in every state, configuration, outside state; and the
/// rows of views that stand for the people.
async fn estate(pair: &Pair) -> Vec<ProfileWrite> {
    let mut rows = furnished(pair).await;
    let erased_later = OutsideChange::PutRehearsal(Box::new(rehearsal(1, &[1, 3])));
    pair.a.outside(erased_later).await.expect("well");
    must(&pair.a, 1, three(&pair.b).await).await;
    is_gone(&pair.a, 3, "gone").await;
    rows.push(write(profile(3), 0, 3));
    if let Some(last) = rows.last_mut() {
        last.row.state = b"erased".as_slice().into();
    }
    let waiting = hash(78);
    let writes = Writes {
        records: vec![record(Stream::Quarantine(waiting), 1)],
        quarantine: vec![(waiting, Some(quarantined(waiting, Some([5; 16]), at(4))))],
        ..Writes::default()
    };
    must(&pair.a, 1, writes).await;
    let released = Writes {
        records: vec![record(Stream::Quarantine(waiting), 2)],
        quarantine: vec![(waiting, None)],
        ..Writes::default()
    };
    must(&pair.b, 1, released).await;
    for no in 2..=4_u8 {
        pair.a.control(u64::from(no) - 1, configured(no)).await.expect("well");
    }
    rows
}

/// The life and the erasure of a third person.
async fn three(environment: &Arc<dyn Environment>) -> Writes {
    let mut settled = life(profile(3), 0, 2);
    settled.profiles[0].entered = vec![("club".into(), at(1))];
    settled.profiles[0].found_by = vec![("email".into(), "gone@example.org".to_owned())];
    settled.outbox = vec![super::batch::outbox(profile(3), 1, 0, "{\"to\":\"gone\"}")];
    must(environment, 1, settled).await;
    erasure(3)
}

/// A control change with some of everything.
fn configured(no: u8) -> ControlWrites {
    let key = KeyRow {
        id: format!("key_{no}"),
        hash: [no; 32],
        prefix: "wk".to_owned(),
        name: "shop".to_owned(),
        scopes: vec!["read".to_owned()],
        made_at: at(1),
        expires_at: Some(at(9)),
        revoked_at: None,
        hint: "cafe".to_owned(),
    };
    let secret =
        SecretRow { key: format!("hook_{no}"), sealed: vec![no; 40], set_at: at(2), actor: "ada".to_owned() };
    ControlWrites {
        record: Some(record(Stream::Control, no.into())),
        objects: vec![ObjectRow { hash: [9 - no; 32], canonical: format!("object {no}").into() }],
        revisions: vec![RevisionRow {
            id: [20 - no; 32],
            manifest: [no; 32],
            canonical: format!("revision {no}").into(),
            made_at: at(no.into()),
        }],
        promotion: Some(PromotionRow {
            epoch: no.into(),
            source: "directory".to_owned(),
            source_manifest: [no; 32],
            source_revision: (no == 3).then_some([3; 32]),
            digest: format!("sha256:{no}"),
            plan: "{}".into(),
            actor: "ada".to_owned(),
            at: at(no.into()),
        }),
        schedules: Some(vec![("reactor/b".to_owned(), at(4)), ("reactor/a".to_owned(), at(5))]),
        outside: vec![
            OutsideChange::PutKey(key),
            OutsideChange::PutSecret(secret),
            OutsideChange::PutCheckpoint(format!("import {no}"), "7".to_owned()),
            OutsideChange::PutRehearsal(Box::new(rehearsal(no.into(), &[2]))),
        ],
        ..ControlWrites::default()
    }
}

/// Fills the views of [`estate`].
async fn fill(making: &Arc<dyn Making>, rows: Vec<ProfileWrite>) {
    for part in known(rows, false).parts {
        making.fill(part).await.expect("well");
    }
    making.counters(vec![(CounterKey("budget".to_owned()), 7, 1)]).await.expect("well");
}

/// What is carried over is all there is, page by page, and the other environment goes on from it.
pub async fn what_is_carried_makes_an_equal_environment(bench: &Bench) {
    let pair = bench.pair("one").await;
    let rows = estate(&pair).await;
    let all = carry(&pair.a, 1_000).await;
    assert_eq!(carry(&pair.b, 2).await, all, "in pages of any size");
    let kinds: BTreeSet<u8> = all.iter().map(kind).collect();
    assert_eq!(kinds.len(), 11, "some of everything");
    assert!(all.is_sorted_by_key(kind), "kind by kind");

    let other = crate::Identity { incarnation: 4, directory_key: [8; 32], ..identity("two") };
    let making = bench.backend.begin(other.clone(), at(6)).await.expect("well");
    assert_eq!(making.environment().identity(), &other);
    for part in all.chunks(3) {
        making.put(part.to_vec()).await.expect("well");
    }
    assert_eq!(carry(&making.environment(), 3).await, all, "it can be read while it is made");
    fill(&making, rows).await;
    making.finish().await.expect("well");
    let registered = bench.backend.environments().await.expect("well");
    let row = registered.iter().find(|row| row.name == "two").expect("it is registered");
    assert_eq!((row.id, row.making, row.made_at, row.live), (other.id, false, at(6), false));

    let two = bench.backend.open("two").await.expect("it is whole");
    assert_eq!(two.identity(), &other);
    assert_eq!(carry(&two, 5).await, all);
    assert_eq!(exports(&two).await, exports(&pair.a).await);
    assert_eq!(two.check().await.expect("well"), Vec::<String>::new());
    is_gone(&two, 3, "gone").await;
    for (a, b) in [(&pair.a, &two)] {
        assert_eq!(a.record_count().await.expect("well"), b.record_count().await.expect("well"));
        assert_eq!(a.member_counts().await.expect("well"), b.member_counts().await.expect("well"));
        assert_eq!(
            a.behind_count([0; 32]).await.expect("well"),
            b.behind_count([0; 32]).await.expect("well")
        );
        assert_eq!(a.outbox(None, 99).await.expect("well"), b.outbox(None, 99).await.expect("well"));
        assert_eq!(a.revisions(None, 99).await.expect("well"), b.revisions(None, 99).await.expect("well"));
        assert_eq!(a.promotions(None, 99).await.expect("well"), b.promotions(None, 99).await.expect("well"));
        let reports =
            (a.rehearsals(None, 99).await.expect("well"), b.rehearsals(None, 99).await.expect("well"));
        assert!(reports.0.rows.len() == 4 && reports.0.rows == reports.1.rows, "{reports:?}");
        assert_eq!(
            a.quarantine_of([5; 16]).await.expect("well"),
            b.quarantine_of([5; 16]).await.expect("well")
        );
    }
    goes_on(&two).await;
}

/// Batches, control changes and erasures follow upon what was put.
async fn goes_on(two: &Arc<dyn Environment>) {
    let epoch = two.epoch().await.expect("well");
    must(two, epoch, life(profile(1), 2, 4)).await;
    must(two, epoch, life(profile(9), 0, 1)).await;
    let control =
        ControlWrites { record: Some(record(Stream::Control, epoch + 1)), ..ControlWrites::default() };
    assert_eq!(two.control(epoch, control).await.expect("well"), crate::Commit::Committed);
    must(two, epoch + 1, erasure(2)).await;
    is_gone(two, 2, "anna").await;
    let again = quarantined(hash(78), None, at(5));
    let writes = Writes { quarantine: vec![(hash(78), Some(again))], ..Writes::default() };
    must(two, epoch + 1, writes).await;
    assert_eq!(two.quarantine_of([5; 16]).await.expect("well"), vec![hash(78)], "its tail is there");
    assert_eq!(two.check().await.expect("well"), Vec::<String>::new());
}

fn kind(row: &Carried) -> u8 {
    match row {
        Carried::Control(_) => 0,
        Carried::Object(_) => 1,
        Carried::Revision(_) => 2,
        Carried::Promotion(_) => 3,
        Carried::Schedule(..) => 4,
        Carried::Key(_) => 5,
        Carried::Secret(_) => 6,
        Carried::Checkpoint(..) => 7,
        Carried::Rehearsal(_) => 8,
        Carried::Record(_) => 9,
        Carried::Erasure { .. } => 10,
    }
}

/// Nothing of a refused page is there.
pub async fn a_gap_in_what_is_put_is_refused(bench: &Bench) {
    let making = bench.backend.begin(identity("one"), at(0)).await.expect("well");
    let person = |n| carried(record(Stream::Profile(profile(1)), n));
    let control = |n| Carried::Control(read(record(Stream::Control, n)));
    making.put(vec![control(1), person(1)]).await.expect("well");
    for page in [
        vec![person(2), person(4)],
        vec![person(2), person(2)],
        vec![person(3)],
        vec![person(1)],
        vec![carried(record(Stream::Profile(profile(2)), 2))],
        vec![control(3)],
        vec![control(1)],
        vec![carried(record(Stream::Control, 2))],
        vec![Carried::Record(CarriedRecord {
            record: read(record(Stream::Profile(profile(1)), 2)),
            outbox: vec![super::batch::outbox(profile(1), 1, 0, "{}")],
            identity: None,
        })],
    ] {
        let told = making.put(page.clone()).await;
        assert!(matches!(told, Err(Error::Refused(_))), "{page:?}: {told:?}");
    }
    let short = Writes { profiles: vec![write(profile(1), 0, 2)], ..Writes::default() };
    let told = making.fill(short).await;
    assert!(matches!(told, Err(Error::Refused(_))), "its stream ends at record 1: {told:?}");
    let environment = making.environment();
    assert_eq!(carry(&environment, 9).await, vec![control(1), person(1)]);
    making.put(vec![person(2)]).await.expect("the next one fits");
    assert_eq!(environment.record_count().await.expect("well"), 2);
    assert_eq!(environment.epoch().await.expect("well"), 1);
}

/// What was broken off cannot be taken for a whole environment, and is begun anew.
pub async fn an_unfinished_one_is_opened_by_nobody(bench: &Bench) {
    let backend = &bench.backend;
    let begun = backend.begin(identity("one"), at(0)).await.expect("well");
    begun.put(vec![carried(record(Stream::Profile(profile(1)), 1))]).await.expect("well");
    let rows = backend.environments().await.expect("well");
    assert!(rows.len() == 1 && rows[0].making, "{rows:?}");
    assert!(matches!(backend.open("one").await.err(), Some(Error::Refused(_))));
    assert!(matches!(backend.create(identity("one"), at(1)).await.err(), Some(Error::Refused(_))));
    drop(begun);
    assert!(matches!(backend.open("one").await.err(), Some(Error::Refused(_))));

    let other = crate::Identity { id: [1; 16], ..identity("one") };
    drop(backend.begin(other, at(1)).await.expect("of another id: what was there is removed"));
    let again = backend.begin(identity("one"), at(2)).await.expect("begun anew");
    assert_eq!(again.environment().record_count().await.expect("well"), 0);
    assert_eq!(carry(&again.environment(), 9).await, Vec::new());
    again.put(vec![carried(record(Stream::Profile(profile(1)), 1))]).await.expect("well");
    let views = Writes { profiles: vec![write(profile(1), 0, 1)], ..Writes::default() };
    again.fill(views).await.expect("well");
    again.counters(Vec::new()).await.expect("well");
    again.finish().await.expect("well");
    assert!(again.environment().epoch().await.is_err(), "it is opened from now on");

    assert!(matches!(backend.begin(identity("one"), at(3)).await.err(), Some(Error::Exists(_))));
    let rows = backend.environments().await.expect("well");
    assert!(rows.len() == 1 && !rows[0].making && rows[0].made_at == at(2), "{rows:?}");
    let one = backend.open("one").await.expect("it is whole");
    let outcome = commit(&one, 0, life(profile(1), 1, 2)).await.expect("well");
    assert_eq!(outcome, crate::Commit::Committed);
}

/// The shares of a view are the view.
pub async fn shares_of_a_view_add_up(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..20 {
        settle(&pair.a, no, &format!("person {no}")).await;
    }
    for view in VIEWS {
        let mut lines = Vec::new();
        for no in 0..3 {
            let share = pair.b.export_share(view, Share { no, of: 3 }).await.expect("well");
            assert!(share.is_sorted(), "{view}");
            lines.extend(share);
        }
        lines.sort_unstable();
        assert_eq!(lines, pair.a.export_view(view).await.expect("well"), "{view}");
    }
}
