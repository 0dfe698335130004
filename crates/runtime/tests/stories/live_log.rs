//! What the live log and the counts say.

use std::time::Duration;

use runtime::ingest::ItemOutcome;

use crate::ground::{SHOP, apply, at, ground, order, send};

#[tokio::test]
async fn every_answer_is_told_and_counted_also_where_nothing_is_written() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let mut log = live.tail().await.expect("it is there");
    let first = order("m1", "u1", "5", at("2025-03-01T10:00:00Z"));
    let told =
        [send(&live, vec![first.clone()]).await, send(&live, vec![first.clone(), first]).await].concat();
    for outcome in &told {
        let line = tokio::time::timeout(Duration::from_secs(10), log.recv()).await;
        let line = line.expect("a line each").expect("none is missed");
        assert_eq!((&line.outcome, line.message_id.as_deref()), (outcome, Some("m1")));
    }
    assert!(
        matches!(told.as_slice(), [ItemOutcome::Decided(_), ItemOutcome::Duplicate { .. }, _]),
        "{told:?}"
    );
    let counted = live.live().counts();
    let of = |word| counted.get(&("Order Completed".to_owned(), word)).copied();
    assert_eq!((of("decided"), of("duplicate")), (Some(1), Some(2)));
}
