//! A store whose tables are said to be distributed: what hurries nobody is committed part by part.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use runtime::{Environment, Greenroom, clock::SystemClock, environment::Options};
use testing::{Database, connect};

use crate::ground::{MASTER_KEY, SHOP, ada, apply, order, send, state};

const SHARDS: u16 = 32;
const MEMBERS: usize = 300;

/// A batch, as the journal shows it: how many records, in how many parts, and the least and largest place of a record in
/// its stream.
#[derive(Debug)]
struct Batch {
    records: i64,
    parts: i64,
    least: i64,
    largest: i64,
}

/// Every batch after a place in the feed; and the place it goes to.
async fn batches(database: &Database, after: i64) -> (Vec<Batch>, i64) {
    let schema = database.schema("staging").await;
    let sql = format!(
        "SELECT count(*), min(n), max(n), max(feed),
                count(DISTINCT least((hashint2(bucket)::bigint + 2147483648) / (4294967296 / {SHARDS}), {SHARDS} - 1))
         FROM \"{schema}\".journal WHERE feed > $1 GROUP BY feed >> 20"
    );
    let rows = connect(&database.url).await.query(&sql, &[&after]).await.expect("a superuser may");
    let last = rows.iter().map(|row| row.get::<_, i64>(3)).max().unwrap_or(after);
    let batches = rows.iter().map(|row| Batch {
        records: row.get(0),
        least: row.get(1),
        largest: row.get(2),
        parts: row.get(4),
    });
    (batches.collect(), last)
}

async fn orders(environment: &Environment, names: impl Iterator<Item = String>) {
    let now = environment.now();
    let messages: Vec<_> = names.map(|name| order(&name, &name, "40", now)).collect();
    for some in messages.chunks(100) {
        send(environment, some.to_vec()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn due_work_and_the_sweep_stay_in_one_part_a_commit() {
    let database = Database::make().await;
    let backend = database.backend_over(SHARDS).await;
    let greenroom = Greenroom::open(backend, MASTER_KEY, Arc::new(SystemClock), Options::default());
    let greenroom = greenroom.await.expect("it opens");
    let staging = greenroom.create_environment("staging", ada()).await.expect("it is made");
    let rolling = SHOP.to_owned()
        + r"---
kind: metric
key: recent
spec: {event: order_completed, aggregate: count, window: {rolling_days: 7}}
---
kind: audience
key: active
spec: {condition: profile.metrics.recent > 0}
";
    apply(&staging, &rolling).await;
    let day = SignedDuration::from_hours(24);
    staging.advance_clock(ada(), staging.now() + day).await.expect("well");
    orders(&staging, (0..MEMBERS).map(|no| format!("member-{no}"))).await;
    let (_, before) = batches(&database, 0).await;

    // Everybody is active no more on the same day.
    staging.advance_clock(ada(), staging.now() + day * 10).await.expect("well");
    assert!(!state(&staging, "member-7").await.audiences.contains_key("active"));
    let (fired, before) = batches(&database, before).await;
    assert_eq!(fired.iter().map(|batch| batch.records).sum::<i64>(), 300, "{fired:?}");
    assert!(fired.iter().all(|batch| batch.parts == 1), "{fired:?}");
    assert!(fired.len() <= usize::from(SHARDS), "a commit a part, not one a member: {fired:?}");

    // A change that concerns everybody, while others send.
    let stopped = std::sync::atomic::AtomicBool::new(false);
    let sending = async {
        for round in 0.. {
            if stopped.load(std::sync::atomic::Ordering::Acquire) {
                break;
            }
            orders(&staging, (0..20).map(|no| format!("new-{round}-{no}"))).await;
        }
    };
    let changing = async {
        apply(&staging, &rolling.replace("> 100.0", "> 10.0")).await;
        while staging.sweep_progress().await.expect("well").0 > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopped.store(true, std::sync::atomic::Ordering::Release);
    };
    tokio::join!(sending, changing);
    assert!(state(&staging, "member-7").await.audiences.contains_key("big_spenders"));
    let (swept, _) = batches(&database, before).await;
    let (messages, swept): (Vec<_>, Vec<_>) = swept.into_iter().partition(|batch| batch.least == 1);
    assert!(!messages.is_empty() && messages.iter().any(|batch| batch.parts > 1), "{messages:?}");
    assert!(swept.iter().map(|batch| batch.records).sum::<i64>() >= 300, "{swept:?}");
    assert!(swept.iter().all(|batch| batch.parts == 1), "{swept:?}");
    assert!(
        messages.iter().all(|batch| batch.largest == 1),
        "they do not join a batch of messages: {messages:?}"
    );
    crate::ground::holds(&staging).await;
    greenroom.stop().await.expect("it stops");
}
