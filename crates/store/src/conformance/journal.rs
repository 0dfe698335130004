//! Streams, the feed, the scan.

use std::collections::BTreeMap;

use ledger::ProfileId;

use super::{
    Bench,
    batch::{commit, life, must, profile, record, write},
};
use crate::{BUCKETS, Buckets, Commit, Direction, Error, Record, Stream, Writes};

fn whole(stream: Stream, n: u64) -> Record {
    let crate::NewRecord { stream, n, decided_at, header, body } = record(stream, n);
    Record { stream, n, decided_at, header, body }
}

/// Records stand at 1, 2, 3, … of their stream, and only the next one is taken.
pub async fn streams_have_no_gaps(bench: &Bench) {
    let pair = bench.pair("one").await;
    let id = profile(1);
    must(&pair.a, 0, life(id, 0, 2)).await;
    must(&pair.b, 0, life(id, 2, 3)).await;
    // What the other has written since counts.
    assert_eq!(commit(&pair.a, 0, life(id, 2, 3)).await.expect("well"), Commit::Conflict);
    assert_eq!(commit(&pair.a, 0, life(id, 0, 1)).await.expect("well"), Commit::Conflict);
    assert_eq!(commit(&pair.a, 0, life(id, 7, 8)).await.expect("well"), Commit::Conflict);
    for n in 1..=3 {
        let found = pair.a.record(Stream::Profile(id), n).await.expect("well");
        assert_eq!(found, Some(whole(Stream::Profile(id), n)));
    }
    for n in [0, 4, u64::MAX] {
        assert_eq!(pair.b.record(Stream::Profile(id), n).await.expect("well"), None);
    }
    assert_eq!(pair.b.record_count().await.expect("well"), 3);
}

/// A batch that breaks the contract is refused whole, and says so.
pub async fn a_gap_is_refused(bench: &Bench) {
    let pair = bench.pair("one").await;
    let id = profile(1);
    let stream = Stream::Profile(id);
    let cases: Vec<(&str, Writes)> = vec![
        (
            "a gap",
            Writes {
                records: vec![record(stream, 1), record(stream, 3)],
                profiles: vec![write(id, 0, 3)],
                ..Writes::default()
            },
        ),
        ("a record without its row", Writes { records: vec![record(stream, 1)], ..Writes::default() }),
        (
            "a row that says more than its stream",
            Writes { records: vec![record(stream, 1)], profiles: vec![write(id, 0, 2)], ..Writes::default() },
        ),
        ("the control stream", Writes { records: vec![record(Stream::Control, 1)], ..Writes::default() }),
        ("a profile twice", Writes { profiles: vec![write(id, 0, 0), write(id, 0, 0)], ..Writes::default() }),
    ];
    for (what, writes) in cases {
        let answer = commit(&pair.a, 0, writes).await;
        assert!(matches!(answer, Err(Error::Refused(_))), "{what}: {answer:?}");
    }
    assert_eq!(pair.b.record_count().await.expect("well"), 0);
    assert_eq!(pair.b.profiles(&[id]).await.expect("well"), vec![None]);
    must(&pair.a, 0, life(id, 0, 1)).await;
}

/// Bytes, absent bodies and times come back.
pub async fn records_come_back_as_they_went_in(bench: &Bench) {
    let pair = bench.pair("one").await;
    let id = profile(1);
    let stream = Stream::Profile(id);
    let mut records: Vec<_> = (1..=4).map(|n| record(stream, n)).collect();
    records[0].body = None;
    records[1].body = Some(Vec::new());
    records[2].header = (0..=255).collect();
    records[2].body = Some(vec![0xff; 100_000]);
    records[3].decided_at = "1997-01-02T03:04:05.678901Z".parse().expect("it is a time");
    let writes = Writes { records: records.clone(), profiles: vec![write(id, 0, 4)], ..Writes::default() };
    must(&pair.a, 0, writes).await;
    for new in records {
        let found = pair.b.record(stream, new.n).await.expect("well").expect("it was written");
        assert_eq!(
            (found.header, found.body, found.decided_at, found.n, found.stream),
            (new.header, new.body, new.decided_at, new.n, new.stream)
        );
    }
}

/// Newest first and oldest first, in pages of every size.
pub async fn streams_page_both_ways(bench: &Bench) {
    let pair = bench.pair("one").await;
    let (one, other) = (profile(1), profile(2));
    for n in 0..7 {
        must(&pair.a, 0, life(one, n, n + 1)).await;
        must(&pair.b, 0, life(other, n, n + 1)).await;
    }
    for limit in 1..=9 {
        for direction in [Direction::Forward, Direction::Backward] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = pair.a.stream(Stream::Profile(one), direction, after, limit).await.expect("well");
                assert!(page.rows.len() <= limit);
                seen.extend(page.rows);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let mut expected: Vec<_> = (1..=7).map(|n| whole(Stream::Profile(one), n)).collect();
            if direction == Direction::Backward {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{direction:?} by {limit}");
        }
    }
    let empty = pair.a.stream(Stream::Profile(profile(9)), Direction::Forward, None, 5).await.expect("well");
    assert!(empty.rows.is_empty() && empty.next.is_none());
}

/// The newest first; and oldest first with a cursor that goes on with what is written later.
pub async fn the_feed_goes_both_ways_and_never_ends_forward(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..5 {
        must(&pair.a, 0, life(profile(no), 0, 1)).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = pair.b.feed(Direction::Backward, after, 2).await.expect("well");
        seen.extend(page.rows.into_iter().map(|record| record.stream));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..5).rev().map(|no| Stream::Profile(profile(no))).collect::<Vec<_>>());

    let end = pair.a.feed(Direction::Forward, None, 0).await.expect("well");
    assert!(end.rows.is_empty());
    let quiet = pair.a.feed(Direction::Forward, end.next, 10).await.expect("well");
    assert!(quiet.rows.is_empty());
    must(&pair.b, 0, life(profile(7), 0, 3)).await;
    let first = pair.a.feed(Direction::Forward, quiet.next, 2).await.expect("well");
    let rest = pair.a.feed(Direction::Forward, first.next, 10).await.expect("well");
    let numbers: Vec<_> = first.rows.iter().chain(&rest.rows).map(|record| record.n).collect();
    assert_eq!(numbers, vec![1, 2, 3]);
    assert!(rest.next.is_some(), "a live log goes on from here");
    let all = pair.a.feed(Direction::Forward, None, 100).await.expect("well");
    assert_eq!(all.rows.len(), 8);
}

/// Shares of all profiles, each record once, each stream's in order.
pub async fn a_scan_gives_each_record_once_in_the_order_of_its_stream(bench: &Bench) {
    let pair = bench.pair("one").await;
    for n in 0..4 {
        for no in 0..25 {
            must(&pair.a, 0, life(profile(no), n, n + 1)).await;
        }
    }
    let control = crate::ControlWrites { record: Some(record(Stream::Control, 1)), ..Default::default() };
    pair.a.control(0, control).await.expect("well");
    let mut streams: BTreeMap<Stream, Vec<u64>> = BTreeMap::new();
    for (from, until) in [(0, 300), (300, 301), (301, BUCKETS)] {
        let buckets = Buckets { from, until };
        let mut after = None;
        loop {
            let page = pair.b.scan(buckets, after, 7).await.expect("well");
            for record in page.rows {
                let Stream::Profile(id) = record.stream else {
                    panic!("a scan gives profiles only, not {:?}", record.stream)
                };
                assert!(buckets.holds(id));
                streams.entry(record.stream).or_default().push(record.n);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    assert_eq!(streams.len(), 25);
    assert!(streams.values().all(|numbers| *numbers == [1, 2, 3, 4]), "{streams:?}");
}

/// Members one after the other, each with their row; a stream that is longer than a page goes on in the next.
pub async fn lives_are_whole_and_come_one_after_the_other(bench: &Bench) {
    const MEMBERS: u32 = 12;
    let pair = bench.pair("one").await;
    let length = |no: u32| if no == 5 { 40 } else { u64::from(no % 3) + 1 };
    for n in 0..40 {
        for no in (0..MEMBERS).filter(|no| n < length(*no)) {
            must(&pair.a, 0, life(profile(no), n, n + 1)).await;
        }
    }
    let control = crate::ControlWrites { record: Some(record(Stream::Control, 1)), ..Default::default() };
    pair.a.control(0, control).await.expect("well");
    for limit in [1, 2, 7, 39, 40, 41, 1_000] {
        let mut met: Vec<(ProfileId, Vec<u64>, u64)> = Vec::new();
        let (mut after, mut pages) = (None, 0);
        loop {
            let page = pair.b.lives(after, limit).await.expect("well");
            let records: usize = page.rows.iter().map(|life| life.records.len()).sum();
            assert!(records < 2 * limit, "{records} records in a page of {limit}");
            for life in page.rows {
                assert!(life.records.iter().all(|record| record.stream == Stream::Profile(life.profile)));
                let row = life.row.expect("everybody has one");
                assert_eq!(row.id, life.profile);
                let numbers = life.records.iter().map(|record| record.n);
                match met.last_mut() {
                    Some((last, seen, _)) if *last == life.profile => seen.extend(numbers),
                    _ => met.push((life.profile, numbers.collect(), row.n)),
                }
            }
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(pages > 1 || limit == 1_000, "limit {limit}");
        met.sort_by_key(|(id, ..)| *id);
        let ids: Vec<_> = met.iter().map(|(id, ..)| *id).collect();
        let mut all: Vec<_> = (0..MEMBERS).map(profile).collect();
        all.sort_unstable();
        assert_eq!(ids, all, "each once, limit {limit}");
        for (id, numbers, last) in met {
            assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{id}, limit {limit}");
        }
    }
}

/// What is written while somebody goes through the members neither hides anything that was there nor comes twice.
pub async fn lives_may_go_on_meanwhile(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..6 {
        must(&pair.a, 0, life(profile(no), 0, 8)).await;
    }
    let mut seen: BTreeMap<ProfileId, Vec<u64>> = BTreeMap::new();
    let (mut after, mut round) = (None, 0);
    loop {
        let page = pair.b.lives(after, 3).await.expect("well");
        for life in page.rows {
            seen.entry(life.profile).or_default().extend(life.records.iter().map(|record| record.n));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
        if round < 5 {
            must(&pair.a, 0, life(profile(round), 8, 9)).await;
            must(&pair.a, 0, life(profile(100 + round), 0, 1)).await;
            round += 1;
        }
    }
    for no in 0..6 {
        let numbers = seen.remove(&profile(no)).expect("it was there from the start");
        assert!(numbers.len() >= 8, "{numbers:?}");
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    }
    assert!(seen.values().all(|numbers| *numbers == [1]), "{seen:?}");
}
