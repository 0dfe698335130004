//! Counters that many profiles share.

use std::sync::{Arc, Mutex};

use super::{
    Bench,
    batch::{Stepping, demand, life, must, profile},
    together,
};
use crate::{Commit, CounterKey, Granted, Step};

/// A batch that asks once, keeps what it got, and writes a profile.
fn asking(no: u32, demands: Vec<crate::Demand>, got: &Arc<Mutex<Vec<Granted>>>) -> Box<dyn crate::Deciding> {
    let got = Arc::clone(got);
    let mut asked = false;
    Box::new(Stepping(move |granted: &[Granted]| {
        if !asked {
            asked = true;
            return Step::Demand(demands.clone());
        }
        got.lock().expect("nobody panics here").extend_from_slice(granted);
        Step::Write(Box::new(life(profile(no), 0, 1)))
    }))
}

fn key() -> CounterKey {
    CounterKey("budget".to_owned())
}

/// 64 at once never get more than there is, and positions have no gaps.
pub async fn grants_stay_below_the_ceiling(bench: &Bench) {
    let pair = bench.pair("one").await;
    let got = Arc::new(Mutex::new(Vec::new()));
    let racing = (0..64_u32).map(|no| {
        let handle = Arc::clone(if no % 2 == 0 { &pair.a } else { &pair.b });
        let deciding = asking(no, vec![demand("budget", 1_000, 37, no % 3 == 0)], &got);
        Box::pin(async move { handle.commit(0, deciding).await.expect("well") }) as _
    });
    let outcomes = together(racing.collect()).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Commit::Committed));
    let mut got = got.lock().expect("nobody panics here").clone();
    let sum: i64 = got.iter().map(|granted| granted.amount).sum();
    assert!((999..=1_000).contains(&sum), "64 times 37 were asked for, {sum} given");
    assert_eq!(pair.b.counter(&key()).await.expect("well"), sum);
    got.sort_by_key(|granted| granted.n);
    assert_eq!(got.iter().map(|granted| granted.n).collect::<Vec<_>>(), (1..=64).collect::<Vec<_>>());
}

/// All, a part when that is allowed, or nothing; and a lower ceiling takes nothing back.
pub async fn a_part_is_given_only_when_asked_for(bench: &Bench) {
    let pair = bench.pair("one").await;
    let cases = [
        (demand("budget", 10, 7, false), 7, 1),
        (demand("budget", 10, 7, false), 0, 2),
        (demand("budget", 10, 7, true), 3, 3),
        (demand("budget", 10, 1, true), 0, 4),
        (demand("budget", 12, 5, true), 2, 5),
        (demand("budget", 4, 1, true), 0, 6),
    ];
    for (no, (demand, amount, n)) in (0..).zip(cases) {
        let got = Arc::new(Mutex::new(Vec::new()));
        let outcome = pair.a.commit(0, asking(no, vec![demand.clone()], &got)).await.expect("well");
        assert_eq!(outcome, Commit::Committed);
        assert_eq!(*got.lock().expect("nobody panics here"), vec![Granted { amount, n }], "{demand:?}");
    }
    assert_eq!(pair.b.counter(&key()).await.expect("well"), 12);
    assert_eq!(pair.b.counter(&CounterKey("other".to_owned())).await.expect("well"), 0);
}

/// What a batch was granted is given back when it is not committed.
pub async fn a_refused_batch_gives_its_grants_back(bench: &Bench) {
    let pair = bench.pair("one").await;
    must(&pair.a, 0, life(profile(0), 0, 1)).await;
    let got = Arc::new(Mutex::new(Vec::new()));
    let outcome =
        pair.b.commit(0, asking(0, vec![demand("budget", 10, 10, false)], &got)).await.expect("well");
    assert_eq!(outcome, Commit::Conflict);
    assert_eq!(pair.a.counter(&key()).await.expect("well"), 0);
    let outcome =
        pair.b.commit(0, asking(1, vec![demand("budget", 10, 10, false)], &got)).await.expect("well");
    assert_eq!(outcome, Commit::Committed);
    let got = got.lock().expect("nobody panics here");
    assert_eq!(got.last(), Some(&Granted { amount: 10, n: 1 }));
}

/// A decision may ask in several steps, and sees its own grants in the next.
pub async fn a_decision_may_ask_again(bench: &Bench) {
    let pair = bench.pair("one").await;
    let mut seen: Vec<Vec<Granted>> = Vec::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let deciding = Stepping(move |granted: &[Granted]| {
        seen.push(granted.to_vec());
        tell.lock().expect("nobody panics here").clone_from(&seen);
        match seen.len() {
            1 => Step::Demand(vec![demand("budget", 10, 6, true), demand("stock", 1, 1, false)]),
            2 => Step::Demand(vec![demand("budget", 10, 6, true)]),
            _ => Step::Write(Box::new(life(profile(1), 0, 1))),
        }
    });
    assert_eq!(pair.a.commit(0, Box::new(deciding)).await.expect("well"), Commit::Committed);
    let expected = vec![
        vec![],
        vec![Granted { amount: 6, n: 1 }, Granted { amount: 1, n: 1 }],
        vec![Granted { amount: 4, n: 2 }],
    ];
    assert_eq!(*told.lock().expect("nobody panics here"), expected);
    assert_eq!(pair.b.counter(&key()).await.expect("well"), 10);
}
