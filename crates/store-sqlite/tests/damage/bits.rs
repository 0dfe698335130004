//! One flipped bit: every read gives what was written, all of it, or says that something is damaged.

use std::{collections::BTreeMap, fmt::Debug, fs, io::Write, sync::Arc};

use store::{
    Buckets, Commit, ControlWrites, CounterKey, Direction, DirectoryKey, Environment, OutsideChange, Page,
    PromotionRow, Result, RevisionRow, SecretRow, Stream,
    conformance::{
        Dice, at,
        batch::{Stepping, demand, hash, life, profile, record},
    },
};

use super::{Room, people};

const PEOPLE: u32 = 120;

/// The rows that a read answers, as text; `None` for an error.
type Answer = Option<Vec<String>>;

fn whole<T: Debug>(answer: Result<T>) -> Answer {
    answer.ok().map(|answer| vec![format!("{answer:?}")])
}

fn rows<T: Debug>(answer: Result<Page<T>>) -> Answer {
    answer.ok().map(|page| page.rows.iter().map(|row| format!("{row:?}")).collect())
}

fn found<T: Debug>(answer: Result<Vec<Option<T>>>) -> Answer {
    answer.ok().map(|found| found.iter().flatten().map(|row| format!("{row:?}")).collect())
}

/// What every read answers, by name.
async fn answers(one: &Arc<dyn Environment>) -> BTreeMap<String, Answer> {
    let mut said = BTreeMap::new();
    let mut put = |name: String, answer| said.insert(name, answer);
    for no in 0..PEOPLE {
        let id = profile(no);
        put(format!("profile {no}"), found(one.profiles(&[id]).await));
        put(format!("key {no}"), found(one.lookup(&[DirectoryKey::Message(hash(no))]).await));
        put(format!("record {no}"), found(one.record(Stream::Profile(id), 2).await.map(|found| vec![found])));
        put(
            format!("stream {no}"),
            rows(one.stream(Stream::Profile(id), Direction::Backward, None, 9).await),
        );
    }
    for city in 0..7 {
        put(format!("city {city}"), rows(one.search("city", &format!("city {city}"), None, 999).await));
    }
    put("members".to_owned(), rows(one.members("club", None, 999).await));
    put(
        "member counts".to_owned(),
        found(one.member_counts().await.map(|rows| rows.into_iter().map(Some).collect())),
    );
    put("list".to_owned(), rows(one.profile_list(None, 999).await));
    put("feed".to_owned(), rows(one.feed(Direction::Backward, None, 9_999).await));
    put("scan".to_owned(), rows(one.scan(Buckets::ALL, None, 9_999).await));
    put(
        "control".to_owned(),
        found(one.control_records(0).await.map(|rows| rows.into_iter().map(Some).collect())),
    );
    put("epoch".to_owned(), whole(one.epoch().await));
    put("count".to_owned(), whole(one.record_count().await));
    put("sums".to_owned(), found(one.sums().await.map(|rows| rows.into_iter().map(Some).collect())));
    put("counter".to_owned(), whole(one.counter(&CounterKey("budget".to_owned())).await));
    put(
        "due".to_owned(),
        found(one.due(at(9_999), 9_999).await.map(|due| due.into_iter().map(Some).collect())),
    );
    put("behind".to_owned(), whole(one.behind_count([0; 32]).await));
    put("outbox".to_owned(), rows(one.outbox(None, 9_999).await));
    put("revisions".to_owned(), rows(one.revisions(None, 99).await));
    put("promotions".to_owned(), rows(one.promotions(None, 99).await));
    put("secrets".to_owned(), found(one.secrets().await.map(|rows| rows.into_iter().map(Some).collect())));
    put(
        "checkpoints".to_owned(),
        found(one.checkpoints().await.map(|rows| rows.into_iter().map(Some).collect())),
    );
    said
}

async fn furnish(one: &Arc<dyn Environment>) {
    people(one, 0, PEOPLE).await;
    let mut asked = false;
    let deciding = Stepping(move |_: &[store::Granted]| {
        if !asked {
            asked = true;
            return store::Step::Demand(vec![demand("budget", 10, 3, false)]);
        }
        store::Step::Write(Box::new(life(profile(0), 3, 4)))
    });
    assert_eq!(one.commit(0, Box::new(deciding)).await.expect("well"), Commit::Committed);
    for n in 1..=3_u8 {
        let control = ControlWrites {
            record: Some(record(Stream::Control, n.into())),
            revisions: vec![RevisionRow {
                id: [n; 32],
                manifest: [1; 32],
                canonical: "{\"a\":1}".into(),
                made_at: at(1),
            }],
            promotion: Some(PromotionRow {
                epoch: n.into(),
                source: "staging".to_owned(),
                source_manifest: [2; 32],
                source_revision: None,
                digest: "digest".to_owned(),
                plan: "{}".into(),
                actor: "ada".to_owned(),
                at: at(1),
            }),
            schedules: Some(vec![("reactor/spring".to_owned(), at(3))]),
            ..ControlWrites::default()
        };
        assert_eq!(one.control(u64::from(n) - 1, control).await.expect("well"), Commit::Committed);
    }
    let secret =
        SecretRow { key: "smtp".to_owned(), sealed: vec![1, 2, 3], set_at: at(1), actor: "ada".to_owned() };
    one.outside(OutsideChange::PutSecret(secret)).await.expect("well");
    one.outside(OutsideChange::PutCheckpoint("file".to_owned(), "7".to_owned())).await.expect("well");
}

/// Flips bits all over the data file, one at a time. Each is noticed: by opening, by a read, or by the check where
/// no read needs the page. Answers how many of them opening and reads noticed.
async fn flip(rounds: usize) -> usize {
    let room = Room::new();
    let (backend, one) = room.create().await;
    furnish(&one).await;
    let expected = answers(&one).await;
    assert!(expected.values().all(Option::is_some), "{expected:?}");
    one.close().await.expect("well");
    let good = fs::read(room.store()).expect("it is there");
    let slots = [0, 1].map(|slot| room.data().join(format!("anchors/one.{slot}")));
    let anchors = slots.clone().map(|slot| fs::read(slot).expect("it is there"));
    let (mut dice, mut noticed, mut wrong) = (Dice(7), 0, Vec::new());
    for _ in 0..rounds {
        let mut bad = good.clone();
        let place = usize::try_from(dice.below(bad.len() as u64)).expect("it is a small file");
        let bit = dice.below(8);
        bad[place] ^= 1 << bit;
        fs::write(room.store(), &bad).expect("it can be written");
        for (slot, good) in slots.iter().zip(&anchors) {
            fs::write(slot, good).expect("it can be written");
        }
        let Ok(one) = store::Backend::open(&backend, "one").await else {
            noticed += 1;
            continue;
        };
        let told = answers(&one).await;
        if told.values().any(Option::is_none) {
            noticed += 1;
        } else if one.check().await.expect("it says, it does not fail").is_empty() {
            wrong.push(format!("bit {bit} of byte {place} (page {}): nobody noticed", place / 4096));
        }
        for (name, answer) in told {
            if answer.is_some() && answer != expected[&name] {
                wrong.push(format!("bit {bit} of byte {place} (page {}): {name}: {answer:?}", place / 4096));
            }
        }
        // It may not close well, with such a file.
        let _ = one.close().await;
    }
    assert!(wrong.is_empty(), "{} wrong answers in {rounds} rounds:\n{}", wrong.len(), wrong.join("\n"));
    noticed
}

#[tokio::test]
async fn a_flipped_bit_is_never_served() {
    let noticed = flip(150).await;
    assert!(noticed > 100, "most pages are read: {noticed} of 150 noticed");
}

/// The same at length: `cargo nextest run -p store-sqlite --release --run-ignored only bits`.
#[tokio::test]
#[ignore = "takes minutes"]
async fn a_flipped_bit_is_never_served_at_length() {
    let noticed = flip(10_000).await;
    writeln!(
        std::io::stdout(),
        "{noticed} of 10,000 noticed by opening and reading, the others by the check"
    )
    .expect("somebody listens");
}
