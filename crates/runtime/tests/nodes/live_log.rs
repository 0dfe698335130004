//! The live log of one node shows what every node decides.

use std::{sync::Arc, time::Duration};

use runtime::{Environment, ingest::ItemOutcome, live::LogLine};
use serde_json::json;
use tokio::{sync::broadcast::Receiver, time::timeout};

use crate::{
    cluster::cluster,
    ground::{SHOP, at, order, send, track, with},
};

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than it takes until another node's lines are there.
const A_WHILE: Duration = Duration::from_millis(1_500);

/// The next lines, so many; and no more for a while.
async fn lines(log: &mut Receiver<LogLine>, count: usize) -> Vec<LogLine> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let next = timeout(PATIENCE, log.recv()).await;
        let next =
            next.unwrap_or_else(|_| panic!("no more than {}, the last {:?}", lines.len(), lines.last()));
        lines.push(next.expect("none is missed"));
    }
    let more = timeout(A_WHILE, log.recv()).await;
    assert!(more.is_err(), "{more:?} after {count}");
    lines
}

fn of<'a>(lines: &'a [LogLine], message: &str) -> &'a LogLine {
    let found = lines.iter().find(|line| line.message_id.as_deref() == Some(message));
    found.unwrap_or_else(|| panic!("{message} is not in {lines:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_what_others_decide_as_their_own_log_does() {
    let cluster = cluster(2, SHOP).await;
    let (a, b) = (cluster.live(0), cluster.live(1));
    let when = at("2025-03-01T10:00:00Z");
    send(&b, vec![order("before", "u1", "40", when)]).await;
    let (mut at_a, mut at_b) = (a.tail().await.expect("well"), b.tail().await.expect("well"));
    let broken = with(order("broken", "u2", "1", when), "total", json!("much"));
    let undeclared = track("undeclared", "u1", "Something Else", json!({}), when);
    let told = send(&b, vec![order("theirs", "u1", "30", when), broken, undeclared]).await;
    let [first, second] = [lines(&mut at_a, 3).await, lines(&mut at_b, 3).await];
    for (message, outcome) in ["theirs", "broken", "undeclared"].into_iter().zip(told) {
        let (far, near) = (of(&first, message), of(&second, message));
        let mut recorded = outcome.clone();
        if let ItemOutcome::Decided(decided) = &mut recorded {
            decided.warnings.clear();
        }
        assert_eq!((&near.outcome, &far.outcome), (&outcome, &recorded));
        assert_eq!((far.kind.as_str(), &far.event, far.profile), ("track", &near.event, near.profile));
        assert!(far.event.is_some() && far.decided_at >= near.decided_at, "{far:?} {near:?}");
    }
    // What leaves no record is told where it was answered, and only there.
    send(&b, vec![order("theirs", "u1", "30", when)]).await;
    assert!(matches!(lines(&mut at_b, 1).await[0].outcome, ItemOutcome::Duplicate { .. }));
    assert_eq!(lines(&mut at_a, 0).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_decision_is_shown_once_whoever_makes_it() {
    const EACH: usize = 300;
    let cluster = cluster(3, SHOP).await;
    let (asked, when) = (cluster.live(0), at("2025-03-01T10:00:00Z"));
    let mut logs = [asked.tail().await.expect("well"), asked.tail().await.expect("well")];
    let sending = (0..3).map(|node| {
        let live = cluster.live(node);
        tokio::spawn(async move {
            for no in 0..EACH {
                // All of them about the same few people: batches are overtaken and decided again.
                let message = order(&format!("n{node}-{no}"), &format!("u{}", no % 5), "3", when);
                send(&live, vec![message]).await;
            }
        })
    });
    let sending: Vec<_> = sending.collect();
    for log in &mut logs {
        let mut ids: Vec<_> =
            lines(log, 3 * EACH).await.into_iter().filter_map(|line| line.message_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3 * EACH);
    }
    for sent in sending {
        sent.await.expect("all of it is taken");
    }
}

/// Whether anything goes on for listeners, which holds the environment.
fn holders(environment: &Arc<Environment>) -> usize {
    Arc::strong_count(environment)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_is_asked_only_while_somebody_listens() {
    let cluster = cluster(2, SHOP).await;
    let (a, b) = (cluster.live(0), cluster.live(1));
    let when = at("2025-03-01T10:00:00Z");
    let before = holders(&a);
    for round in 0..2 {
        let log = a.tail().await.expect("well");
        let mut second = a.tail().await.expect("well");
        assert_eq!(holders(&a), before + 1, "one follows, for both");
        drop(log);
        send(&b, vec![order(&format!("heard-{round}"), "u1", "3", when)]).await;
        of(&lines(&mut second, 1).await, &format!("heard-{round}"));
        drop(second);
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(holders(&a), before, "nobody listens any more");
        // It is from now on again when somebody does.
        send(&b, vec![order(&format!("unheard-{round}"), "u1", "3", when)]).await;
    }
}
