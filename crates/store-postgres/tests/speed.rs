//! How fast the store alone takes events: `cargo test -p store-postgres --release --test speed -- --ignored
//! --nocapture`, with `WRITERS` at a time, on the server that the tests' variable names. The batches are those
//! of [`store::conformance::load`].

#![allow(clippy::cast_precision_loss)] // figures for people

use std::{io::Write, sync::Arc, time::Instant};

use store::{
    Commit,
    conformance::{
        at,
        batch::commit,
        identity,
        load::{EVENTS, Load},
    },
};
use testing::Database;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn events_a_second() {
    let (events, writers) = (number("EVENTS", 100_000), number("WRITERS", 2));
    let database = Database::make().await;
    let one = database.backend().await.create(identity("one"), at(0)).await.expect("it can be made");
    let mut out = std::io::stdout();
    let mut part = 0;
    // Twice: on fresh tables, and on those.
    while part < 2 {
        part += 1;
        let began = Instant::now();
        let writing: Vec<_> = (0..writers)
            .map(|writer| {
                let one = Arc::clone(&one);
                tokio::spawn(async move {
                    let mut load = Load::new(writer + part * 1_000);
                    let mut slowest = std::time::Duration::ZERO;
                    for _ in 0..events / writers / EVENTS {
                        let writes = load.batch();
                        let began = Instant::now();
                        assert_eq!(commit(&one, 0, writes).await.expect("well"), Commit::Committed);
                        slowest = slowest.max(began.elapsed());
                    }
                    slowest
                })
            })
            .collect();
        let mut slowest = std::time::Duration::ZERO;
        for writer in writing {
            slowest = slowest.max(writer.await.expect("it does not panic"));
        }
        let rate = events as f64 / began.elapsed().as_secs_f64();
        let done = one.record_count().await.expect("well");
        let bytes = one.bytes().await.expect("well") as f64 / done as f64;
        writeln!(
            out,
            "{done:>9} events by {writers} writers: {rate:.0} events/s, slowest batch {slowest:?}, {bytes:.0} bytes \
             an event"
        )
        .expect("somebody listens");
    }
}
