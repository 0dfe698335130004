//! Making, opening, closing, rebuilding, backing up, restoring.

use std::{
    fs,
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use super::{
    Bench, at,
    batch::{claim, commit, life, must, profile, quarantined, record, sum},
    erasure::{erasure, is_gone, settle},
    identity, together,
};
use crate::{
    AdministratorRow, BackupTold, ControlWrites, CounterKey, Environment, Error, OutsideChange, ProfileWrite,
    Record, Refill, Result, Stream, VIEWS, Writes,
};

/// Every view's export.
pub async fn exports(environment: &Arc<dyn Environment>) -> Vec<(&'static str, Vec<String>)> {
    let mut exports = Vec::new();
    for view in VIEWS {
        let lines = environment.export_view(view).await.expect("well");
        assert!(lines.is_sorted(), "{view}");
        exports.push((view, lines));
    }
    exports
}

/// Nothing of one is seen in another.
pub async fn environments_are_apart(bench: &Bench) {
    let (one, two) = (bench.pair("one").await.a, bench.pair("two").await.a);
    settle(&one, 1, "otto").await;
    assert_eq!(two.record_count().await.expect("well"), 0);
    assert_eq!(two.profiles(&[profile(1)]).await.expect("well"), vec![None]);
    settle(&two, 1, "other").await;
    let state = |row: Option<crate::ProfileRow>| row.map(|row| row.state.to_vec());
    assert_eq!(
        state(one.profiles(&[profile(1)]).await.expect("well").remove(0)),
        Some(b"otto state".to_vec())
    );
    assert_eq!(
        state(two.profiles(&[profile(1)]).await.expect("well").remove(0)),
        Some(b"other state".to_vec())
    );
    assert_eq!((one.identity().name.as_str(), two.identity().name.as_str()), ("one", "two"));
}

/// The same id and name again opens it; another id under its name, or its id under another name, does not.
pub async fn making_is_idempotent_by_id(bench: &Bench) {
    let a = bench.backend.create(identity("one"), at(0)).await.expect("well");
    must(&a, 0, life(profile(1), 0, 1)).await;
    let again = bench.backend.create(identity("one"), at(9)).await.expect("it is there already");
    assert_eq!(again.record_count().await.expect("well"), 1);
    assert_eq!(again.identity(), &identity("one"));
    let mut other = identity("one");
    other.id = [1; 16];
    assert!(matches!(bench.backend.create(other, at(0)).await.err(), Some(Error::Exists(_))));
    let mut renamed = identity("one");
    "two".clone_into(&mut renamed.name);
    assert!(matches!(bench.backend.create(renamed, at(0)).await.err(), Some(Error::Exists(_))));
    let mut live = identity("one");
    live.live = true;
    assert!(bench.backend.create(live, at(0)).await.is_err(), "the kind is fixed at birth");
    for name in ["", "..", "a/b", "UPPER", "a b"] {
        let mut bad = identity("bad");
        bad.name = name.to_owned();
        assert!(matches!(bench.backend.create(bad, at(0)).await.err(), Some(Error::Refused(_))), "{name:?}");
    }
    assert!(matches!(bench.backend.open("absent").await.err(), Some(Error::Missing(_))));
    let rows = bench.backend.environments().await.expect("well");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].name.as_str(), rows[0].making, rows[0].made_at), ("one", false, at(0)));
}

fn administrator(id: &str, revoked: bool) -> AdministratorRow {
    AdministratorRow {
        id: id.to_owned(),
        name: "Ada".to_owned(),
        token_hash: [5; 32],
        hint: "cafe".to_owned(),
        made_at: at(1),
        revoked_at: revoked.then(|| at(2)),
    }
}

/// There is always one left who can administer.
pub async fn the_last_administrator_stays(bench: &Bench) {
    for id in ["a-1", "a-2"] {
        bench.backend.put_administrator(administrator(id, false)).await.expect("well");
    }
    let revoke = async |id: &str, when| bench.backend.revoke_administrator(id, at(when)).await.expect("well");
    let rows = revoke("a-1", 3).await.expect("the other stays");
    assert_eq!(rows, bench.backend.administrators().await.expect("well"));
    assert_eq!(rows.iter().map(|row| row.revoked_at).collect::<Vec<_>>(), [Some(at(3)), None]);
    assert_eq!(revoke("a-2", 4).await, None, "nobody would be left");
    assert_eq!(revoke("a-1", 5).await, Some(rows), "when it was is not written over");
    let none = bench.backend.revoke_administrator("nobody", at(9)).await;
    assert!(matches!(none, Err(Error::Missing(_))), "{none:?}");
}

/// Added, and written anew under the same id.
pub async fn administrators_are_kept(bench: &Bench) {
    for (id, revoked) in [("a", false), ("b", false), ("a", true)] {
        bench.backend.put_administrator(administrator(id, revoked)).await.expect("well");
    }
    let mut rows = bench.backend.administrators().await.expect("well");
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(rows, vec![administrator("a", true), administrator("b", false)]);
}

/// Each handle for itself.
pub async fn a_closed_handle_answers_so_and_the_other_goes_on(bench: &Bench) {
    let pair = bench.pair("one").await;
    must(&pair.a, 0, life(profile(1), 0, 1)).await;
    pair.a.close().await.expect("well");
    assert!(matches!(commit(&pair.a, 0, life(profile(2), 0, 1)).await, Err(Error::Closed(_))));
    assert!(matches!(pair.a.epoch().await, Err(Error::Closed(_))));
    pair.a.close().await.expect("closing twice is no fault");
    must(&pair.b, 0, life(profile(2), 0, 1)).await;
    assert_eq!(pair.b.record_count().await.expect("well"), 2);
}

/// Closed to the last handle and opened again.
pub async fn what_was_committed_is_there_after_opening_again(bench: &Bench) {
    let pair = bench.pair("one").await;
    settle(&pair.a, 1, "otto").await;
    let control = ControlWrites { record: Some(record(Stream::Control, 1)), ..ControlWrites::default() };
    pair.a.control(0, control).await.expect("well");
    let before = exports(&pair.b).await;
    for _ in 0..3 {
        pair.a.close().await.expect("well");
        pair.b.close().await.expect("well");
        let again = bench.backend.open("one").await.expect("it opens");
        assert_eq!(again.identity(), &identity("one"));
        assert_eq!(exports(&again).await, before);
        assert_eq!((again.epoch().await.expect("well"), again.record_count().await.expect("well")), (1, 2));
        assert_eq!(again.check().await.expect("well"), Vec::<String>::new());
        assert!(again.bytes().await.expect("well") > 0);
        again.close().await.expect("well");
    }
}

/// Fills views with rows known beforehand, and keeps the records it was shown.
#[derive(Debug)]
pub struct Known {
    /// What it was shown.
    pub shown: Arc<Mutex<Vec<Record>>>,
    /// The rows, in parts.
    pub parts: Vec<Writes>,
    /// The counters.
    pub counters: Vec<(CounterKey, i64, u64)>,
    /// Whether it fails at the end.
    pub fails: bool,
}

impl Refill for Known {
    fn record(&mut self, record: Record) -> Result<()> {
        self.shown.lock().expect("nobody panics here").push(record);
        Ok(())
    }

    fn rows(&mut self) -> Result<Option<Writes>> {
        if self.parts.is_empty() && self.fails {
            return Err(Error::Refused("on purpose".to_owned()));
        }
        Ok(if self.parts.is_empty() { None } else { Some(self.parts.remove(0)) })
    }

    fn counters(&mut self) -> Vec<(CounterKey, i64, u64)> {
        self.counters.clone()
    }
}

pub(super) fn known(environment_rows: Vec<ProfileWrite>, fails: bool) -> Known {
    let mut claims = vec![claim(1, profile(1), 1), claim(2, profile(2), 1)];
    for no in [1, 2] {
        claims.push(crate::Claim {
            key: crate::DirectoryKey::Identity(super::batch::hash(1_000 + no)),
            expected: None,
            entry: crate::DirectoryEntry::Profile(profile(no)),
        });
    }
    let message = super::batch::hash(77);
    let parts = vec![
        Writes { sums: vec![sum("points", ledger::Account::Issued, -4)], ..Writes::default() },
        Writes { claims, profiles: environment_rows, ..Writes::default() },
        Writes {
            sums: vec![
                sum("points", ledger::Account::Issued, -3),
                sum("points", ledger::Account::Available, 7),
            ],
            quarantine: vec![(message, Some(quarantined(message, None, at(3))))],
            ..Writes::default()
        },
    ];
    let counters = vec![(CounterKey("budget".to_owned()), 7, 1)];
    Known { shown: Arc::default(), parts, counters, fails }
}

/// Two people, a counter, a sum, a quarantined event, a schedule; and the rows that stand for them.
pub(super) async fn furnished(pair: &super::Pair) -> Vec<ProfileWrite> {
    settle(&pair.a, 1, "otto").await;
    settle(&pair.a, 2, "anna").await;
    let message = super::batch::hash(77);
    let mut step = 0;
    let writes = Writes {
        records: vec![record(Stream::Quarantine(message), 1)],
        quarantine: vec![(message, Some(quarantined(message, None, at(3))))],
        sums: vec![sum("points", ledger::Account::Issued, -7), sum("points", ledger::Account::Available, 7)],
        ..Writes::default()
    };
    let deciding = super::batch::Stepping(move |_: &[crate::Granted]| {
        step += 1;
        if step == 1 {
            return crate::Step::Demand(vec![super::batch::demand("budget", 7, 9, true)]);
        }
        crate::Step::Write(Box::new(writes.clone()))
    });
    pair.b.commit(0, Box::new(deciding)).await.expect("well");
    let control = ControlWrites {
        record: Some(record(Stream::Control, 1)),
        schedules: Some(vec![("reactor/spring".to_owned(), at(4))]),
        ..ControlWrites::default()
    };
    pair.b.control(0, control).await.expect("well");
    let rows = pair.a.profiles(&[profile(1), profile(2)]).await.expect("well");
    rows.into_iter()
        .flatten()
        .zip(["otto", "anna"])
        .map(|(row, marker)| ProfileWrite {
            from: None,
            row,
            entered: vec![("club".into(), at(1))],
            left: Vec::new(),
            found_by: vec![("email".into(), format!("{marker}@example.org"))],
            no_longer_found_by: Vec::new(),
        })
        .collect()
}

/// The journal is shown whole and in order, the views come out equal, and nothing else is touched.
pub async fn a_rebuild_makes_equal_views(bench: &Bench) {
    let pair = bench.pair("one").await;
    let rows = furnished(&pair).await;
    pair.a.outside(OutsideChange::PutCheckpoint("file".to_owned(), "1".to_owned())).await.expect("well");
    let before = exports(&pair.a).await;
    assert!(before.iter().all(|(view, lines)| !lines.is_empty() || *view == "none"), "{before:?}");
    let refill = known(rows, false);
    let shown = Arc::clone(&refill.shown);
    pair.b.rebuild(Box::new(refill)).await.expect("well");
    assert_eq!(exports(&pair.a).await, before);
    let shown = shown.lock().expect("nobody panics here").clone();
    let streams: Vec<_> = shown.iter().map(|record| (record.stream, record.n)).collect();
    assert_eq!(streams.len(), 5);
    for no in [1, 2] {
        let own: Vec<_> =
            streams.iter().filter(|(of, _)| *of == Stream::Profile(profile(no))).map(|(_, n)| *n).collect();
        assert_eq!(own, [1, 2]);
    }
    assert!(shown.iter().all(|record| record.body.is_some()));
    assert_eq!(pair.a.outbox(None, 9).await.expect("well").rows.len(), 2, "rebuilding sends nothing");
    assert_eq!(pair.a.checkpoints().await.expect("well").len(), 1);
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
    // And life goes on from there.
    must(&pair.a, 1, life(profile(1), 2, 3)).await;
    assert_eq!(
        pair.b.record(Stream::Profile(profile(1)), 1).await.expect("well").map(|record| record.n),
        Some(1)
    );
}

/// A refill that gives up, or that writes what no rebuild may.
pub async fn a_failed_rebuild_changes_nothing(bench: &Bench) {
    let pair = bench.pair("one").await;
    let rows = furnished(&pair).await;
    let before = exports(&pair.a).await;
    let failing = pair.b.rebuild(Box::new(known(rows.clone(), true))).await;
    assert!(failing.is_err());
    let mut writing = known(rows.clone(), false);
    writing.parts.push(Writes { records: vec![record(Stream::Profile(profile(1)), 3)], ..Writes::default() });
    assert!(pair.b.rebuild(Box::new(writing)).await.is_err());
    let mut short = known(rows, false);
    short.parts[1].profiles[0].row.n = 1;
    assert!(pair.b.rebuild(Box::new(short)).await.is_err(), "a row must stand at its stream's end");
    assert_eq!(exports(&pair.a).await, before);
    must(&pair.a, 1, life(profile(1), 2, 3)).await;
}

/// Taken while writing goes on; restored, it is that moment, and another incarnation.
pub async fn a_backup_is_one_moment_and_restores(bench: &Bench) {
    let pair = bench.pair("one").await;
    settle(&pair.a, 1, "otto").await;
    let before = exports(&pair.a).await;
    let to = bench.scratch.join("backup");
    pair.a.backup(&to).await.expect("well");
    assert!(matches!(pair.a.backup(&to).await, Err(Error::Exists(_))), "nothing is written over");
    must(&pair.b, 0, life(profile(2), 0, 5)).await;
    assert!(bench.backend.restore("one", &to, at(9)).await.is_err(), "not while it is open");
    pair.a.close().await.expect("well");
    pair.b.close().await.expect("well");
    let restored = bench.backend.restore("one", &to, at(9)).await.expect("it restores");
    assert_eq!(restored.identity().incarnation, 2);
    assert_eq!(exports(&restored).await, before);
    assert_eq!(restored.check().await.expect("well"), Vec::<String>::new());
    must(&restored, 0, life(profile(2), 0, 1)).await;
    restored.close().await.expect("well");
    let again = bench.backend.restore("one", &to, at(9)).await.expect("it restores again");
    assert_eq!(again.identity().incarnation, 3, "an incarnation is never used twice");
    again.close().await.expect("well");
    let opened = bench.backend.open("one").await.expect("it opens as any other");
    assert_eq!(opened.identity().incarnation, 3);
}

/// Hears how far a backup is. At the first word the backup stands still until it is told to go on, or for a while.
fn listening() -> (BackupTold, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (tell, told) = mpsc::channel();
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(Some(wait));
    let listening = move |done: u64, total: u64| {
        assert!(done <= total.max(1) * 100, "{done} of about {total}");
        if let Some(wait) = wait.lock().expect("nobody panics here").take() {
            let _ = tell.send(());
            let _ = wait.recv_timeout(Duration::from_secs(1));
        }
    };
    (Arc::new(listening), told, go)
}

/// Waits for the first word, letting others of the same task go on.
async fn heard(told: mpsc::Receiver<()>) {
    poll_fn(move |context| match told.try_recv() {
        Ok(()) => Poll::Ready(()),
        Err(mpsc::TryRecvError::Empty) => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
        Err(mpsc::TryRecvError::Disconnected) => panic!("it ended without a word"),
    })
    .await;
}

/// However much is written while it is made.
pub async fn a_backup_in_the_making_stays_at_its_moment(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..300 {
        must(&pair.a, 0, life(profile(no), 0, 3)).await;
    }
    let before = exports(&pair.a).await;
    let (told, begun, go) = listening();
    let to = bench.scratch.join("backup");
    let (one, other) = (Arc::clone(&pair.a), Arc::clone(&pair.b));
    let copied = to.clone();
    together::<()>(vec![
        Box::pin(async move { one.backup_told(&copied, told).await.expect("well") }),
        Box::pin(async move {
            heard(begun).await;
            for no in 300..400 {
                must(&other, 0, life(profile(no), 0, 3)).await;
            }
            // One that makes the same task wait has gone on by itself.
            let _ = go.send(());
        }),
    ])
    .await;
    pair.a.close().await.expect("well");
    pair.b.close().await.expect("well");
    let restored = bench.backend.restore("one", &to, at(9)).await.expect("it restores");
    assert_eq!(exports(&restored).await, before);
    assert_eq!(restored.check().await.expect("well"), Vec::<String>::new());
}

/// Neither in a folder that was not there nor in one that was empty; and the next one can be made there.
pub async fn a_backup_that_is_given_up_leaves_nothing(bench: &Bench) {
    let pair = bench.pair("one").await;
    settle(&pair.a, 1, "otto").await;
    let (absent, empty) = (bench.scratch.join("absent"), bench.scratch.join("empty"));
    fs::create_dir(&empty).expect("well");
    for to in [&absent, &empty] {
        let (told, begun, go) = listening();
        let mut backup = pair.a.backup_told(to, told);
        let mut begins = pin!(heard(begun));
        poll_fn(|context| {
            let ended = backup.as_mut().poll(context);
            assert!(ended.is_pending(), "it was not waited for: {ended:?}");
            begins.as_mut().poll(context)
        })
        .await;
        assert!(fs::read_dir(to).expect("it is there").next().is_some(), "something is there meanwhile");
        drop(backup);
        let _ = go.send(());
        let clean = || match fs::read_dir(to) {
            Ok(mut files) => to == &empty && files.next().is_none(),
            Err(_) => to == &absent,
        };
        let give_up = Instant::now() + Duration::from_secs(20);
        while !clean() {
            assert!(Instant::now() < give_up, "something is left in {}", to.display());
            thread::sleep(Duration::from_millis(5));
        }
    }
    for to in [&absent, &empty] {
        pair.a.backup(to).await.expect("it can be made there");
    }
    pair.a.close().await.expect("well");
    pair.b.close().await.expect("well");
    let restored = bench.backend.restore("one", &empty, at(9)).await.expect("it restores");
    assert_eq!(restored.check().await.expect("well"), Vec::<String>::new());
}

/// Somebody who was erased after the backup was taken does not come back.
pub async fn a_restore_applies_later_erasures(bench: &Bench) {
    let pair = bench.pair("one").await;
    settle(&pair.a, 1, "otto").await;
    settle(&pair.a, 2, "anna").await;
    let to = bench.scratch.join("backup");
    pair.a.backup(&to).await.expect("well");
    must(&pair.a, 0, erasure(1)).await;
    pair.a.close().await.expect("well");
    pair.b.close().await.expect("well");
    let restored = bench.backend.restore("one", &to, at(9)).await.expect("it restores");
    is_gone(&restored, 1, "otto").await;
    assert_eq!(restored.erasures_pending().await.expect("well"), vec![profile(1)]);
    let anna = restored.record(Stream::Profile(profile(2)), 1).await.expect("well").expect("she is there");
    assert!(anna.body.is_some());
    must(&restored, 0, erasure(1)).await;
    assert!(restored.erasures_pending().await.expect("well").is_empty());
    assert_eq!(restored.check().await.expect("well"), Vec::<String>::new());
}

/// And one that was changed is refused too.
pub async fn a_backup_of_another_environment_is_refused(bench: &Bench) {
    let (one, two) = (bench.pair("one").await, bench.pair("two").await);
    settle(&one.a, 1, "otto").await;
    settle(&two.a, 1, "other").await;
    let to = bench.scratch.join("backup");
    one.a.backup(&to).await.expect("well");
    for handle in [&one.a, &one.b, &two.a, &two.b] {
        handle.close().await.expect("well");
    }
    let (restorable, absent) = (bench.backend.restorable("one", &to).await, bench.scratch.join("absent"));
    assert!(restorable.is_ok(), "its own environment's: {restorable:?}");
    let here = bench.scratch.display().to_string();
    for (name, from) in [("two", &to), ("two", &absent), ("one", &absent)] {
        for said in [
            bench.backend.restorable(name, from).await.err(),
            bench.backend.restore(name, from, at(9)).await.err(),
        ] {
            assert!(matches!(said, Some(Error::Unrestorable(_))), "{said:?}");
            let said = said.map(|error| error.to_string()).unwrap_or_default();
            assert!(!said.contains(&here), "no path of this machine: {said}");
        }
    }
    let two = bench.backend.open("two").await.expect("nothing has happened to it");
    assert_eq!((two.identity().incarnation, two.record_count().await.expect("well")), (1, 2));
}
