//! Two handles at once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    Bench, Pair,
    batch::{Known, Stepping, claim, commit, life, must, profile, record, sum},
    together,
};
use crate::{Commit, ControlWrites, Error, Step, Stream, Writes};

fn control(n: u64) -> ControlWrites {
    ControlWrites { record: Some(record(Stream::Control, n)), ..ControlWrites::default() }
}

/// Alternates between the two handles.
fn handle(pair: &Pair, no: usize) -> Arc<dyn crate::Environment> {
    Arc::clone(if no.is_multiple_of(2) { &pair.a } else { &pair.b })
}

/// Of many batches that were decided from the same position of a profile one is committed.
pub async fn one_of_two_writers_of_a_profile_wins(bench: &Bench) {
    let pair = bench.pair("one").await;
    let id = profile(1);
    for n in 0..20 {
        let racing = (0..8).map(|no| {
            let handle = handle(&pair, no);
            Box::pin(async move { commit(&handle, 0, life(id, n, n + 1)).await.expect("well") }) as _
        });
        let outcomes = together(racing.collect()).await;
        let won = outcomes.iter().filter(|outcome| **outcome == Commit::Committed).count();
        assert_eq!(won, 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Commit::Committed | Commit::Conflict)));
    }
    assert_eq!(pair.a.record_count().await.expect("well"), 20);
    let row = pair.b.profiles(&[id]).await.expect("well").remove(0).expect("it is there");
    assert_eq!(row.n, 20);
}

/// A message has its effect once, whichever profile it is thought to belong to.
pub async fn one_of_two_claims_wins(bench: &Bench) {
    let pair = bench.pair("one").await;
    for message in 0..20 {
        let racing = (0..6).map(|no| {
            let handle = handle(&pair, no);
            let id = profile(message * 10 + u32::try_from(no).unwrap_or(0));
            let mut writes = life(id, 0, 1);
            writes.claims.push(claim(message, id, 1));
            writes.sums.push(sum("points", ledger::Account::Issued, -1));
            Box::pin(async move { commit(&handle, 0, writes).await.expect("well") }) as _
        });
        let outcomes = together(racing.collect()).await;
        assert_eq!(
            outcomes.iter().filter(|outcome| **outcome == Commit::Committed).count(),
            1,
            "{outcomes:?}"
        );
    }
    assert_eq!(pair.a.record_count().await.expect("well"), 20);
    assert_eq!(pair.b.sums().await.expect("well"), vec![("points".into(), ledger::Account::Issued, -20)]);
}

/// `EpochMoved` names the epoch, and nothing is written.
pub async fn a_batch_under_an_old_epoch_writes_nothing(bench: &Bench) {
    let pair = bench.pair("one").await;
    assert_eq!(pair.a.epoch().await.expect("well"), 0);
    assert_eq!(pair.a.control(0, control(1)).await.expect("well"), Commit::Committed);
    assert_eq!(pair.b.epoch().await.expect("well"), 1);
    assert_eq!(pair.b.control(0, control(1)).await.expect("well"), Commit::EpochMoved(1));
    let id = profile(1);
    assert_eq!(commit(&pair.b, 0, life(id, 0, 1)).await.expect("well"), Commit::EpochMoved(1));
    assert_eq!(commit(&pair.b, 2, life(id, 0, 1)).await.expect("well"), Commit::EpochMoved(1));
    assert_eq!(pair.a.profiles(&[id]).await.expect("well"), vec![None]);
    must(&pair.b, 1, life(id, 0, 1)).await;
}

/// While batches stream in, the epoch moves: every batch that is committed was decided under the epoch that
/// held in its transaction, and none under the old one after the change is acknowledged.
pub async fn no_batch_is_decided_under_an_old_epoch(bench: &Bench) {
    let pair = bench.pair("one").await;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut racing: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = Vec::new();
    for worker in 0..6_u32 {
        let (handle, acknowledged) = (handle(&pair, worker as usize), Arc::clone(&acknowledged));
        racing.push(Box::pin(async move {
            let id = profile(worker);
            let (mut n, mut epoch) = (0, 0);
            while n < 30 {
                let before = acknowledged.load(Ordering::SeqCst);
                match commit(&handle, epoch, life(id, n, n + 1)).await.expect("well") {
                    Commit::Committed => {
                        assert!(epoch >= before, "decided under {epoch} after {before} was acknowledged");
                        n += 1;
                    }
                    Commit::EpochMoved(now) => {
                        assert!(now > epoch);
                        epoch = now;
                    }
                    Commit::Conflict => panic!("nobody else writes this profile"),
                }
            }
        }));
    }
    let (handle, counting) = (Arc::clone(&pair.b), Arc::clone(&acknowledged));
    racing.push(Box::pin(async move {
        for n in 1..=10 {
            assert_eq!(handle.control(n - 1, control(n)).await.expect("well"), Commit::Committed);
            counting.store(n, Ordering::SeqCst);
        }
    }));
    together(racing).await;
    assert_eq!(pair.a.record_count().await.expect("well"), 180);
    assert_eq!(pair.a.control_records(0).await.expect("well").len(), 10);
    assert_eq!(
        pair.a.control_records(7).await.expect("well").iter().map(|r| r.n).collect::<Vec<_>>(),
        [8, 9, 10]
    );
}

/// Batches that are committed together do not hurt each other.
pub async fn a_conflict_leaves_its_neighbours_alone(bench: &Bench) {
    let pair = bench.pair("one").await;
    must(&pair.a, 0, life(profile(0), 0, 1)).await;
    let racing = (0..40_u32).map(|no| {
        let handle = handle(&pair, no as usize);
        // Every fourth was decided from something that is not there; every eighth breaks the contract.
        let id = profile(no + 1);
        let writes = match no % 8 {
            3 => life(profile(0), 0, 1),
            7 => Writes { records: life(id, 0, 1).records, ..Writes::default() },
            _ => life(id, 0, 2),
        };
        Box::pin(async move { (no, commit(&handle, 0, writes).await) }) as _
    });
    let outcomes: Vec<(u32, crate::Result<Commit>)> = together(racing.collect()).await;
    for (no, outcome) in outcomes {
        match no % 8 {
            3 => assert_eq!(outcome.expect("well"), Commit::Conflict),
            7 => assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}"),
            _ => assert_eq!(outcome.expect("well"), Commit::Committed),
        }
    }
    assert_eq!(pair.b.record_count().await.expect("well"), 61);
    assert_eq!(pair.b.check().await.expect("well"), Vec::<String>::new());
}

/// The batch that panics is told so; the rest is committed, and the store goes on.
pub async fn a_panic_in_a_step_hurts_nobody_else(bench: &Bench) {
    let pair = bench.pair("one").await;
    let racing = (0..10_u32).map(|no| {
        let handle = handle(&pair, no as usize);
        Box::pin(async move {
            let deciding: Box<dyn crate::Deciding> = if no == 4 {
                Box::new(Stepping(|_: &[crate::Granted]| -> Step { panic!("a fault in a decision") }))
            } else {
                Box::new(Known(life(profile(no), 0, 1)))
            };
            (no, handle.commit(0, deciding).await)
        }) as _
    });
    let outcomes: Vec<(u32, crate::Result<Commit>)> = together(racing.collect()).await;
    for (no, outcome) in outcomes {
        match outcome {
            Ok(outcome) => assert!(no != 4 && outcome == Commit::Committed),
            Err(Error::Panicked(said)) => {
                assert!(no == 4 && said.contains("a fault in a decision"), "{said}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    must(&pair.b, 0, life(profile(4), 0, 1)).await;
    assert_eq!(pair.a.record_count().await.expect("well"), 10);
}
