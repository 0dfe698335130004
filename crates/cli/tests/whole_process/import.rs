//! The record shop's whole history: in one go, rehearsed and promoted, and through twenty crashes.

use std::{
    fs::{self, File},
    io::Write as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use examples::record_shop;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use xtask::{greenroom::Greenroom, process};

use crate::{
    asked::{said, said_given},
    place::{Place, one_point_per_dollar, totals, two_points_from_thirty, verified},
};

const ROUNDS: u32 = 20;

/// What the whole history comes to, on any store.
pub(crate) fn whole_history() -> Value {
    json!({ "records": 69_659, "profiles": 23_570, "points": 2_453_159, "big_spenders": 734, "regulars": 3_925 })
}

fn begin(place: &Place) -> Result<Greenroom> {
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    record_shop::write(&mut File::create(place.file("orders.ndjson"))?, usize::MAX)?;
    Ok(server)
}

fn import(server: &Greenroom, place: &Place, environment: &str) -> Result<Value> {
    let file = place.file("orders.ndjson");
    server.json(&["import", &file.to_string_lossy(), "--environment", environment])
}

/// What the other program gives for the same orders: two points a dollar from 30 dollars on.
fn two_points_from_thirty_points() -> Result<u64> {
    let text = record_shop::history()?;
    let mut points = 0;
    for order in record_shop::orders(&text)? {
        let cents: u64 = order.total.replace('.', "").parse()?;
        points += if cents >= 3_000 { cents * 2 / 100 } else { cents / 100 };
    }
    Ok(points)
}

#[test]
fn the_whole_history_imported_rehearsed_and_promoted() -> Result<()> {
    let place = Place::new()?;
    let server = begin(&place)?;
    let first = import(&server, &place, "live")?;
    assert_eq!(first["decided"], 69_659, "{first}");
    assert_eq!(totals(&server, "live")?, whole_history());

    let again = import(&server, &place, "live")?;
    assert_eq!(again["duplicate"], 69_659, "{again}");
    assert_eq!(totals(&server, "live")?, whole_history(), "importing again changes nothing");
    verified(&server)?;

    let other = two_points_from_thirty();
    let report = server.json(&["rehearse", &other.to_string_lossy(), "--to", "live", "--allow-delete"])?;
    assert_eq!(report["trusted"], true, "{report}");
    let issued = &report["currencies"]["points"]["issued"];
    assert_eq!(issued["recorded"], 2_453_159);
    assert_eq!(issued["candidate"], two_points_from_thirty_points()?);
    assert_eq!(totals(&server, "live")?, whole_history(), "a rehearsal writes nothing");

    server.apply(&other, "live")?;
    server.json(&["env", "create", "fresh", "--from", "live"])?;
    import(&server, &place, "fresh")?;
    assert_eq!(totals(&server, "fresh")?["points"], issued["candidate"], "the rehearsal said so");
    assert_eq!(totals(&server, "live")?["points"], 2_453_159, "what was decided stays decided");
    server.stop()
}

#[test]
fn a_text_is_the_same_import_packed_and_through_a_pipe() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let mut text = Vec::new();
    record_shop::write(&mut text, 50)?;
    let arguments = |file| ["import", file, "--environment", "live", "--output", "json"];
    let piped = said_given(&server, &arguments("-"), std::str::from_utf8(&text)?)?.exits(0)?;
    let piped: Value = serde_json::from_str(&piped.out)?;
    assert_eq!((&piped["decided"], &piped["duplicate"]), (&json!(50), &json!(0)), "{piped}");

    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(&text)?;
    let packed = packer.finish()?;
    let file = place.file("orders.ndjson.gz").to_string_lossy().into_owned();
    fs::write(&file, &packed)?;
    let again = server.json(&arguments(&file)[..4])?;
    assert_eq!((&again["decided"], &again["duplicate"]), (&json!(0), &json!(50)), "{again}");

    fs::write(&file, &packed[..packed.len() / 2])?;
    let cut = said(&server, &arguments(&file))?.exits(1)?;
    ensure!(
        cut.err.contains("cannot be read to its end, and nothing of it has been imported"),
        "{}",
        cut.err
    );
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
    import(&server, &place, "live")?;
    assert_eq!(totals(&server, "live")?, whole_history());
    verified(&server)?;
    server.stop()
}
