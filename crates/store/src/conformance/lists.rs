//! Paging: every list, in pages, while others write.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Bench, Pair, at,
    batch::{hash, life, must, outbox, profile, quarantined, record},
    rehearsals::rehearsal,
};
use crate::{
    ControlWrites, Cursor, Direction, Environment, Error, OutsideChange, Page, PromotionRow, Result,
    RevisionRow, Stream,
};

/// Pages through a list to its end.
async fn all<T, F>(limit: usize, list: impl Fn(Option<Cursor>, usize) -> F) -> Vec<T>
where
    F: Future<Output = Result<Page<T>>>,
{
    let (mut seen, mut after) = (Vec::new(), None);
    for _ in 0..10_000 {
        let page = list(after, limit).await.expect("well");
        assert!(page.rows.len() <= limit);
        assert!(page.next.is_none() || !page.rows.is_empty(), "an empty page ends the list");
        seen.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
    panic!("the list never ends")
}

/// What was there when paging began is seen once, whatever is written meanwhile.
pub async fn pages_are_stable_under_writes(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..30 {
        must(&pair.a, 0, life(profile(no), 0, 1)).await;
    }
    let (mut seen, mut after, mut new) = (Vec::new(), None, 100);
    loop {
        let page = pair.a.profile_list(after, 4).await.expect("well");
        seen.extend(page.rows.iter().map(|row| row.id));
        for _ in 0..3 {
            must(&pair.b, 0, life(profile(new), 0, 1)).await;
            new += 1;
        }
        let known = page.rows.first().map(|row| (row.id, row.n));
        if let Some((id, n)) = known {
            must(&pair.b, 0, life(id, n, n + 1)).await;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let once: BTreeSet<_> = seen.iter().copied().collect();
    assert_eq!(once.len(), seen.len(), "nothing twice");
    assert!((0..30).all(|no| once.contains(&profile(no))), "nothing left out");

    let mut after = None;
    let mut seen = Vec::new();
    let newest = pair.a.feed(Direction::Backward, None, 1).await.expect("well").rows.remove(0);
    loop {
        let page = pair.a.feed(Direction::Backward, after, 9).await.expect("well");
        seen.extend(page.rows);
        must(&pair.b, 0, life(profile(new), 0, 1)).await;
        new += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.first(), Some(&newest));
    let places: BTreeSet<_> = seen.iter().map(|record| (record.stream, record.n)).collect();
    assert_eq!(places.len(), seen.len(), "nothing twice");
}

/// Fills every list with a few rows.
async fn filled(bench: &Bench, name: &str) -> Pair {
    let pair = bench.pair(name).await;
    for no in 0..5_u32 {
        let mut writes = life(profile(no), 0, 2);
        writes.profiles[0].entered = vec![("club".into(), at(1)), ("vip".into(), at(1))];
        writes.profiles[0].found_by =
            vec![("city".into(), "Graz".to_owned()), ("city".into(), "Linz".to_owned())];
        writes.outbox = vec![outbox(profile(no), 1, 0, "{}"), outbox(profile(no), 2, 1, "{}")];
        let message = hash(no);
        writes.records.push(record(Stream::Quarantine(message), 1));
        writes.quarantine = vec![(message, Some(quarantined(message, None, at(1))))];
        must(&pair.a, u64::from(no), writes).await;
        let byte = u8::try_from(no).unwrap_or(0);
        let control = ControlWrites {
            record: Some(record(Stream::Control, u64::from(no) + 1)),
            revisions: vec![RevisionRow {
                id: [byte; 32],
                manifest: [1; 32],
                canonical: "{}".into(),
                made_at: at(1),
            }],
            promotion: Some(PromotionRow {
                epoch: u64::from(no) + 1,
                source: "staging".to_owned(),
                source_manifest: [2; 32],
                source_revision: None,
                digest: "digest".to_owned(),
                plan: "{}".into(),
                actor: "somebody".to_owned(),
                at: at(1),
            }),
            outside: vec![OutsideChange::PutRehearsal(Box::new(rehearsal(no, &[no])))],
            ..ControlWrites::default()
        };
        pair.b.control(u64::from(no), control).await.expect("well");
    }
    pair
}

/// Every list, one row a page and many.
pub async fn every_list_pages_through(bench: &Bench) {
    let Pair { a, b: _b } = filled(bench, "one").await;
    let a: &Arc<dyn Environment> = &a;
    for limit in [1, 2, 3, 100] {
        assert_eq!(all(limit, |after, limit| a.profile_list(after, limit)).await.len(), 5);
        assert_eq!(all(limit, |after, limit| a.search("city", "Graz", after, limit)).await.len(), 5);
        assert_eq!(all(limit, |after, limit| a.members("club", after, limit)).await.len(), 5);
        assert_eq!(all(limit, |after, limit| a.quarantine(after, limit)).await.len(), 5);
        assert_eq!(a.quarantine_count().await.expect("well"), 5);
        let feed = all(limit, |after, limit| a.feed(Direction::Backward, after, limit)).await;
        assert_eq!(feed.len(), 15);
        let ids: Vec<_> =
            all(limit, |after, limit| a.revisions(after, limit)).await.iter().map(|r| r.id[0]).collect();
        assert_eq!(ids, [4, 3, 2, 1, 0], "newest first");
        let epochs: Vec<_> =
            all(limit, |after, limit| a.promotions(after, limit)).await.iter().map(|p| p.epoch).collect();
        assert_eq!(epochs, [5, 4, 3, 2, 1], "newest first");
        let audit: Vec<_> =
            all(limit, |after, limit| a.audit(after, limit)).await.iter().map(|row| row.n).collect();
        assert_eq!(audit, [5, 4, 3, 2, 1], "newest first");
        let rehearsals: Vec<_> = all(limit, |after, limit| a.rehearsals(after, limit))
            .await
            .into_iter()
            .map(|row| row.id)
            .collect();
        assert_eq!(rehearsals, [4, 3, 2, 1, 0].map(|no| rehearsal(no, &[]).row.id), "newest first");
        let outbox = all(limit, |after, limit| a.outbox(after, limit)).await;
        let places: BTreeSet<_> = outbox.iter().map(|row| (row.profile, row.n, row.index)).collect();
        assert_eq!((outbox.len(), places.len()), (10, 10));
        assert_eq!(outbox[0].profile, profile(4), "newest first");
        let control =
            all(limit, |after, limit| a.stream(Stream::Control, Direction::Forward, after, limit)).await;
        assert_eq!(control.iter().map(|record| record.n).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }
}

fn refused<T: std::fmt::Debug>(what: &str, answer: &Result<Page<T>>) {
    assert!(matches!(answer, Err(Error::Cursor)), "{what}: {answer:?}");
}

/// A cursor is good for its list only: not for another list, another filter, another environment.
pub async fn cursors_of_other_lists_are_refused(bench: &Bench) {
    let Pair { a, b } = filled(bench, "one").await;
    let other = filled(bench, "two").await.a;
    let cursor = |next: Option<Cursor>| next.expect("there is another page");
    let club = cursor(a.members("club", None, 1).await.expect("well").next);
    assert_eq!(
        b.members("club", Some(club.clone()), 1).await.expect("well").rows.len(),
        1,
        "another handle takes it"
    );
    refused("another audience", &a.members("vip", Some(club.clone()), 1).await);
    refused("another environment", &other.members("club", Some(club.clone()), 1).await);
    refused("another list", &a.profile_list(Some(club.clone()), 1).await);
    let city = cursor(a.search("city", "Graz", None, 1).await.expect("well").next);
    refused("another value", &a.search("city", "Linz", Some(city.clone()), 1).await);
    refused("another trait", &a.search("town", "Graz", Some(city), 1).await);
    let one =
        cursor(a.stream(Stream::Profile(profile(1)), Direction::Backward, None, 1).await.expect("well").next);
    refused(
        "another stream",
        &a.stream(Stream::Profile(profile(2)), Direction::Backward, Some(one.clone()), 1).await,
    );
    refused(
        "another way",
        &a.stream(Stream::Profile(profile(1)), Direction::Forward, Some(one.clone()), 1).await,
    );
    let feed = cursor(a.feed(Direction::Backward, None, 1).await.expect("well").next);
    refused("another way", &a.feed(Direction::Forward, Some(feed.clone()), 1).await);
    refused("another list", &a.scan(crate::Buckets::ALL, Some(feed), 1).await);
    let revisions = cursor(a.revisions(None, 1).await.expect("well").next);
    refused("another list", &a.promotions(Some(revisions.clone()), 1).await);
    refused("another list", &a.audit(Some(revisions), 1).await);
    for text in ["", "7", "zz", "00000000", "🦀", &one.0[1..], &format!("{}0", one.0)] {
        refused(text, &a.feed(Direction::Backward, Some(Cursor(text.to_owned())), 1).await);
        refused(text, &a.profile_list(Some(Cursor(text.to_owned())), 1).await);
        refused(text, &a.outbox(Some(Cursor(text.to_owned())), 1).await);
    }
}
