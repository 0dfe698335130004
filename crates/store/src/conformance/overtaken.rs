//! Batches that others overtake: what has changed is decided again inside the transaction.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use ledger::{Account, ProfileId};

use super::{
    Bench,
    batch::{Known, claim, commit, demand, life, must, profile, record, row, sum, tail},
    together,
};
use crate::{
    Commit, CounterKey, Deciding, Granted, ProfileRow, ProfileWrite, Step, Stream, SumChange, Tail, Writes,
};

/// What a batch was told, each time.
type Told = Arc<Mutex<Vec<Vec<ProfileRow>>>>;

/// Spoils writes that touch two quiet profiles.
type Amend = fn(&mut Writes, ProfileId, ProfileId) -> bool;

/// A batch that appends one record to each of its profiles, whatever they have come to.
struct Steadfast<F> {
    demands: Option<Step>,
    writes: Option<Writes>,
    told: Told,
    /// What else becomes of the writes when it is decided again.
    amend: F,
}

fn steadfast<F: FnMut(&mut Writes) -> bool + Send>(writes: Writes, amend: F) -> (Box<Steadfast<F>>, Told) {
    let told = Told::default();
    (Box::new(Steadfast { demands: None, writes: Some(writes), told: Arc::clone(&told), amend }), told)
}

impl<F: FnMut(&mut Writes) -> bool + Send> Deciding for Steadfast<F> {
    fn step(&mut self, _: &[Granted]) -> Step {
        let writes = || Step::Write(Box::new(self.writes.take().unwrap_or_default()));
        self.demands.take().unwrap_or_else(writes)
    }

    fn overtaken(&mut self, writes: &mut Writes, now: &[ProfileRow]) -> bool {
        self.told.lock().expect("nobody panics here").push(now.to_vec());
        for stands in now {
            again(writes, stands);
        }
        (self.amend)(writes)
    }
}

/// Decides a profile's part of a batch again, from how it stands.
fn again(writes: &mut Writes, stands: &ProfileRow) {
    let (id, stream) = (stands.id, Stream::Profile(stands.id));
    let one = stands.n + 1;
    writes.records.retain(|record| record.stream != stream);
    writes.records.push(record(stream, one));
    for write in writes.profiles.iter_mut().filter(|write| write.row.id == id) {
        write.from = Some(stands.tail());
        write.row = row(id, one);
    }
    for claimed in &mut writes.claims {
        if let crate::DirectoryEntry::Record(of, n) = &mut claimed.entry
            && *of == stream
        {
            *n = one;
        }
    }
}

fn both(one: Writes, other: Writes) -> Writes {
    let mut writes = one;
    writes.records.extend(other.records);
    writes.profiles.extend(other.profiles);
    writes.claims.extend(other.claims);
    writes.sums.extend(other.sums);
    writes
}

fn points(amount: i64) -> Vec<SumChange> {
    vec![sum("points", Account::Issued, amount)]
}

/// Only what has changed is decided again, and all of it is written in the same transaction.
pub async fn what_was_overtaken_is_decided_again(bench: &Bench) {
    let pair = bench.pair("one").await;
    let (busy, quiet, new) = (profile(1), profile(2), profile(3));
    must(&pair.a, 0, both(life(busy, 0, 1), life(quiet, 0, 1))).await;
    let mut writes = both(both(life(busy, 1, 2), life(quiet, 1, 2)), life(new, 0, 1));
    writes.claims = vec![claim(1, busy, 2), claim(2, quiet, 2), claim(3, new, 1)];
    writes.sums = points(-1);
    let (mut deciding, told) = steadfast(writes, |writes: &mut Writes| {
        writes.sums = points(-7);
        writes.profiles.iter_mut().for_each(|write| {
            if write.row.id == profile(1) {
                write.row.manifest = [2; 32];
                write.entered = vec![("club".into(), super::at(5))];
            }
        });
        true
    });
    // What it is granted stays granted.
    deciding.demands = Some(Step::Demand(vec![demand("budget", 10, 4, false)]));
    must(&pair.a, 0, life(busy, 1, 3)).await;
    assert_eq!(pair.b.commit(0, deciding).await.expect("well"), Commit::Committed);
    assert_eq!(*told.lock().expect("nobody panics here"), vec![vec![row(busy, 3)]], "that one alone, once");
    let mut stands = row(busy, 4);
    stands.manifest = [2; 32];
    let rows = pair.a.profiles(&[busy, quiet, new]).await.expect("well");
    assert_eq!(rows, vec![Some(stands), Some(row(quiet, 2)), Some(row(new, 1))]);
    let claims = [claim(1, busy, 4), claim(2, quiet, 2), claim(3, new, 1)];
    let found = pair.a.lookup(&claims.map(|claim| claim.key)).await.expect("well");
    assert_eq!(found, claims.map(|claim| Some(claim.entry)));
    assert_eq!(pair.b.sums().await.expect("well"), vec![("points".into(), Account::Issued, -7)]);
    assert_eq!(pair.b.counter(&CounterKey("budget".to_owned())).await.expect("well"), 4);
    assert_eq!(pair.b.record_count().await.expect("well"), 7);
    assert_eq!(pair.b.behind_count([1; 32]).await.expect("well"), (1, 3));
    assert_eq!(pair.b.member_counts().await.expect("well"), vec![("club".into(), 1)]);
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
    must(&pair.a, 0, life(quiet, 2, 3)).await;
}

/// As long is not the same: a batch that was decided on what never came true is told so.
pub async fn as_long_a_history_is_not_the_same(bench: &Bench) {
    let pair = bench.pair("one").await;
    let id = profile(1);
    must(&pair.a, 0, life(id, 0, 2)).await;
    let mut writes = life(id, 2, 3);
    writes.profiles[0].from = Some(Tail { n: 2, hash: [7; 32] });
    assert_eq!(commit(&pair.b, 0, writes.clone()).await.expect("well"), Commit::Conflict);
    let (deciding, told) = steadfast(writes, |_| true);
    assert_eq!(pair.b.commit(0, deciding).await.expect("well"), Commit::Committed);
    assert_eq!(*told.lock().expect("nobody panics here"), vec![vec![row(id, 2)]]);
    assert_eq!(pair.a.profiles(&[id]).await.expect("well"), vec![Some(row(id, 3))]);
}

/// Nothing is written of a batch that cannot be decided again, or not so that it fits.
pub async fn what_cannot_be_decided_again_is_a_conflict(bench: &Bench) {
    let pair = bench.pair("one").await;
    let (busy, quiet, other) = (profile(1), profile(2), profile(3));
    must(&pair.a, 0, both(both(life(busy, 0, 1), life(quiet, 0, 1)), life(other, 0, 1))).await;
    must(&pair.a, 0, life(busy, 1, 3)).await;
    let mut writes = both(life(busy, 1, 2), life(quiet, 1, 2));
    writes.claims = vec![claim(1, busy, 2), claim(2, quiet, 2)];
    writes.sums = points(-1);
    let (from, to) = (quiet, other);
    let amends: [(&str, Amend); 7] = [
        ("it does not want to", |_, _, _| false),
        ("it still stands on something else", |writes, _, _| {
            writes.profiles[0].from = tail(writes.profiles[0].row.id, 1);
            writes.profiles[0].row.n = 2;
            writes.records.iter_mut().for_each(|record| record.n = 2);
            true
        }),
        ("it writes another profile", |writes, _, other| {
            *writes = both(std::mem::take(writes), life(other, 1, 2));
            true
        }),
        ("it leaves one alone that has been written", |writes, quiet, _| {
            writes.profiles.retain(|write| write.row.id != quiet);
            writes.records.retain(|record| record.stream != Stream::Profile(quiet));
            true
        }),
        ("it claims another key", |writes, quiet, _| {
            writes.claims.push(claim(3, quiet, 2));
            true
        }),
        ("it leaves a key", |writes, _, _| {
            writes.claims.truncate(1);
            true
        }),
        ("it claims a key for another", |writes, _, other| {
            writes.claims[1] = claim(2, other, 1);
            true
        }),
    ];
    for (what, amend) in amends {
        let (deciding, told) = steadfast(writes.clone(), move |writes: &mut Writes| amend(writes, from, to));
        assert_eq!(pair.b.commit(0, deciding).await.expect("well"), Commit::Conflict, "{what}");
        assert_eq!(told.lock().expect("nobody panics here").len(), 1, "{what}");
    }
    let rows = pair.a.profiles(&[busy, quiet, other]).await.expect("well");
    assert_eq!(rows, vec![Some(row(busy, 3)), Some(row(quiet, 1)), Some(row(other, 1))]);
    let keys = [1, 2, 3].map(|no| claim(no, quiet, 2).key);
    assert_eq!(pair.a.lookup(&keys).await.expect("well"), vec![None; 3]);
    assert_eq!(pair.a.record_count().await.expect("well"), 5);
    assert!(pair.a.sums().await.expect("well").is_empty());
    // A profile that is not there, or is there already, is nothing that could be decided from.
    for writes in [life(profile(9), 1, 2), life(quiet, 0, 1)] {
        assert_eq!(pair.b.commit(0, Box::new(Known(writes))).await.expect("well"), Commit::Conflict);
    }
    assert_eq!(pair.a.record_count().await.expect("well"), 5);
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
}

/// A profile that is decided again may take others along that nobody else has changed.
pub async fn others_are_decided_again_along_with_it(bench: &Bench) {
    let pair = bench.pair("one").await;
    let (busy, quiet) = (profile(1), profile(2));
    must(&pair.a, 0, both(life(busy, 0, 1), life(quiet, 0, 1))).await;
    must(&pair.a, 0, life(busy, 1, 3)).await;
    let mut writes = both(life(busy, 1, 2), life(quiet, 1, 2));
    writes.claims = vec![claim(2, quiet, 2)];
    let (deciding, _) = steadfast(writes, |writes: &mut Writes| {
        let quiet = profile(2);
        writes.profiles.retain(|write| write.row.id != quiet);
        writes.records.retain(|record| record.stream != Stream::Profile(quiet));
        let more = life(quiet, 1, 4);
        writes.records.extend(more.records);
        writes.profiles.extend(
            more.profiles
                .into_iter()
                .map(|write| ProfileWrite { row: ProfileRow { manifest: [3; 32], ..write.row }, ..write }),
        );
        writes.claims = vec![claim(2, quiet, 4)];
        true
    });
    assert_eq!(pair.b.commit(0, deciding).await.expect("well"), Commit::Committed);
    let rows = pair.a.profiles(&[busy, quiet]).await.expect("well");
    assert_eq!(rows, vec![Some(row(busy, 4)), Some(ProfileRow { manifest: [3; 32], ..row(quiet, 4) })]);
    let led = claim(2, quiet, 4);
    assert_eq!(pair.a.lookup(&[led.key]).await.expect("well"), vec![Some(led.entry)]);
    assert_eq!(pair.a.behind_count([1; 32]).await.expect("well"), (1, 2));
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
}

/// Of batches that all change one profile, each from what it was long ago, none is a conflict.
pub async fn a_busy_profile_makes_no_conflicts(bench: &Bench) {
    const EACH: u32 = 12;
    let pair = bench.pair("one").await;
    let busy = profile(1);
    must(&pair.a, 0, life(busy, 0, 1)).await;
    let again = Arc::new(AtomicUsize::new(0));
    let racing = (0..6_u32).map(|worker| {
        let handle = Arc::clone(if worker.is_multiple_of(2) { &pair.a } else { &pair.b });
        let again = Arc::clone(&again);
        Box::pin(async move {
            for turn in 0..EACH {
                let own = profile(10 + worker);
                // Half of them in another order: locks are taken in that of the keys all the same.
                let own = life(own, turn.into(), u64::from(turn) + 1);
                let mut draft = life(busy, 1, 2);
                // Hashes of records are never the same for two.
                draft.profiles[0].row.tail[8..].fill(u8::try_from(worker * EACH + turn).unwrap_or(0));
                let mut writes = if worker < 3 { both(draft, own) } else { both(own, draft) };
                writes.claims = vec![claim(worker * 100 + turn, busy, 2)];
                writes.sums = points(-1);
                let (deciding, told) = steadfast(writes, |_| true);
                assert_eq!(handle.commit(0, deciding).await.expect("well"), Commit::Committed);
                again.fetch_add(told.lock().expect("nobody panics here").len(), Ordering::Relaxed);
            }
        }) as _
    });
    together::<()>(racing.collect()).await;
    let all = 6 * u64::from(EACH);
    assert_eq!(again.load(Ordering::Relaxed) as u64, all - 1, "all but the first were overtaken");
    assert_eq!(pair.a.record_count().await.expect("well"), 1 + 2 * all);
    assert_eq!(pair.a.profiles(&[busy]).await.expect("well"), vec![Some(row(busy, 1 + all))]);
    let issued = -i64::try_from(all).unwrap_or(0);
    assert_eq!(pair.a.sums().await.expect("well"), vec![("points".into(), Account::Issued, issued)]);
    assert_eq!(pair.b.check().await.expect("well"), Vec::<String>::new());
}
