//! The record shop's whole history, in one go and through twenty crashes.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::json;
use xtask::{greenroom::Greenroom, process, record_shop};

use crate::place::{Place, one_point_per_dollar, totals, verified};

const ROUNDS: u32 = 20;

fn whole_history() -> serde_json::Value {
    json!({ "events": 69_659, "profiles": 23_570, "issued": 2_453_159, "big_spenders": 734, "regulars": 3_925 })
}

fn begin(place: &Place) -> Result<Greenroom> {
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    record_shop::write_file(&place.file("orders.ndjson"), usize::MAX)?;
    Ok(server)
}

fn import(server: &Greenroom, place: &Place) -> Result<serde_json::Value> {
    let file = place.file("orders.ndjson");
    server.json(&["import", &file.to_string_lossy(), "--environment", "live"])
}

#[test]
fn the_whole_history_gives_what_is_published() -> Result<()> {
    let place = Place::new()?;
    let server = begin(&place)?;
    import(&server, &place)?;
    assert_eq!(totals(&server)?, whole_history());

    let again = import(&server, &place)?;
    assert_eq!(again["duplicates"], 69_659, "{again}");
    assert_eq!(totals(&server)?, whole_history(), "importing again changes nothing");
    verified(&server)?;
    server.stop()
}

#[test]
fn kill_9_during_an_import_changes_nothing() -> Result<()> {
    let place = Place::new()?;
    let mut server = begin(&place)?;
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let file = place.file("orders.ndjson");
        let mut importing = server
            .command(&["import", &file.to_string_lossy(), "--environment", "live"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // Later in each round, so that the crashes fall all over the import.
        thread::sleep(Duration::from_millis(150 + 37 * u64::from(round)));
        interrupted += u32::from(importing.try_wait()?.is_none());
        server.kill()?;
        importing.kill()?;
        importing.wait()?;

        let begin = Instant::now();
        server = place.serve()?;
        ensure!(
            begin.elapsed() < Duration::from_secs(10),
            "round {round}: opening took {:?}",
            begin.elapsed()
        );
    }
    ensure!(interrupted > ROUNDS / 2, "only {interrupted} of {ROUNDS} imports were interrupted");
    process::output(&mut server.command(&["verify", "--environment", "live"]))?;
    import(&server, &place)?;
    assert_eq!(totals(&server)?, whole_history());
    verified(&server)?;
    server.stop()
}
