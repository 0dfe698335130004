//! How fast the store alone takes events: `cargo test -p store-sqlite --release --test speed -- --ignored
//! --nocapture`. Batches of 1,000 records of 435 bytes with headers of 200, on 900 of 200,000 profiles with
//! states of 600 bytes, and 1,000 keys of messages.

#![allow(clippy::cast_precision_loss)] // figures for people

use std::{io::Write, sync::Arc, time::Instant};

use store::{
    Backend, Commit, Environment,
    conformance::{
        at,
        batch::commit,
        identity,
        load::{EVENTS, Load},
    },
};
use store_sqlite::{Options, SqliteBackend};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn events_a_second() {
    let events: u64 = std::env::var("EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(500_000);
    let folder = tempfile::tempdir_in(std::env::var("DATA").unwrap_or_else(|_| ".".to_owned()))
        .expect("a folder can be made");
    let backend = SqliteBackend::open(folder.path(), Options::default()).expect("nobody holds it");
    let one: Arc<dyn Environment> = backend.create(identity("one"), at(0)).await.expect("it can be made");
    let mut load = Load::new(0);
    let (mut spent, mut slowest, mut done) = (std::time::Duration::ZERO, std::time::Duration::ZERO, 0);
    let mut part = (std::time::Duration::ZERO, 0);
    let mut out = std::io::stdout();
    while done < events {
        let writes = load.batch();
        let began = Instant::now();
        assert_eq!(commit(&one, 0, writes).await.expect("well"), Commit::Committed);
        let took = began.elapsed();
        spent += took;
        slowest = slowest.max(took);
        done += EVENTS;
        part = (part.0 + took, part.1 + EVENTS);
        if done % 100_000 == 0 {
            let rate = part.1 as f64 / part.0.as_secs_f64();
            writeln!(out, "{done:>9} events: {rate:>9.0} events/s in the last 100,000")
                .expect("somebody listens");
            part = (std::time::Duration::ZERO, 0);
        }
    }
    let rate = done as f64 / spent.as_secs_f64();
    let began = Instant::now();
    one.close().await.expect("well");
    let closing = began.elapsed();
    let one = backend.open("one").await.expect("well");
    let bytes = one.bytes().await.expect("well") as f64 / done as f64;
    writeln!(
        out,
        "{rate:.0} events/s, slowest batch {slowest:?}, {bytes:.0} bytes an event, closed in {closing:?}"
    )
    .expect("somebody listens");
    let began = Instant::now();
    let (mut after, mut records) = (None, 0_u64);
    loop {
        let page = one.scan(store::Buckets::ALL, after, 10_000).await.expect("well");
        records += page.rows.len() as u64;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let rate = records as f64 / began.elapsed().as_secs_f64();
    writeln!(out, "scanned {records} records at {rate:.0} a second").expect("somebody listens");
}
