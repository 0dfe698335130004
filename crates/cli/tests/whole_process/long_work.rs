//! Long requests: whoever gives up leaves nothing running, and an operator can end them.

use std::{
    fmt::Write as _,
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xtask::greenroom::Greenroom;

use crate::{
    asked::said,
    place::{Place, one_point_per_dollar, two_points_from_thirty},
};

const ORDERS: u32 = 15_000;

/// Starts a command and waits until it is seen at work in live, some records in; its id there.
fn at_work(server: &Greenroom, arguments: &[&str]) -> Result<(Child, String)> {
    let mut command = server.command(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let give_up = Instant::now() + Duration::from_mins(1);
    while Instant::now() < give_up {
        let list = work(server)?;
        if let Some(id) = list.first().filter(|work| work["done"].as_u64() > Some(0)) {
            return Ok((child, id["id"].as_str().context("an id")?.to_owned()));
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("{arguments:?} is not seen at work");
}

fn work(server: &Greenroom) -> Result<Vec<Value>> {
    let said = said(server, &["work", "list", "-e", "live", "--output", "json"])?.exits(0)?;
    let list: Value = serde_json::from_str(&said.out)?;
    list["data"].as_array().cloned().context("a list")
}

#[test]
fn whoever_gives_up_leaves_nothing_running() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let file = place.file("orders.ndjson");
    let mut lines = String::new();
    for n in 0..ORDERS {
        writeln!(
            lines,
            r#"{{"type":"track","event":"Order Completed","userId":"u{}","timestamp":"2026-01-05T00:00:00Z","properties":{{"order_id":"o{n}","total":31.5}}}}"#,
            n % 900
        )?;
    }
    fs::write(&file, lines)?;
    said(&server, &["import", &file.display().to_string(), "-e", "live"])?.exits(0)?;
    let program = two_points_from_thirty().display().to_string();
    let rehearse = ["rehearse", &program, "--to", "live"];

    for arguments in [&rehearse[..], &["verify", "-e", "live"], &["rebuild", "-e", "live"]] {
        let (mut child, _) = at_work(&server, arguments)?;
        child.kill()?;
        child.wait()?;
        let begun = Instant::now();
        while !work(&server)?.is_empty() {
            ensure!(begun.elapsed() < Duration::from_secs(5), "{arguments:?} goes on though nobody waits");
            thread::sleep(Duration::from_millis(20));
        }
    }
    let kept = said(&server, &["rehearsals", "list", "-e", "live"])?.exits(0)?;
    assert_eq!(kept.out, "nothing here\n", "a rehearsal that was given up has no report");

    let (child, id) = at_work(&server, &rehearse)?;
    let cancelled = said(&server, &["work", "cancel", "-e", "live", &id])?.exits(0)?;
    assert!(
        cancelled.out.starts_with("cancelled the rehearsal at ") && cancelled.out.ends_with(" records\n"),
        "{}",
        cancelled.out
    );
    let ended = child.wait_with_output()?;
    let told = String::from_utf8(ended.stderr)?;
    assert!(ended.status.code() == Some(1) && told.contains("The rehearsal was cancelled."), "{told}");

    // And left alone it comes to its end, is kept, and is shown again as it was.
    let whole = said(&server, &rehearse)?.exits(0)?;
    let list = said(&server, &["rehearsals", "list", "-e", "live", "--output", "json"])?.exits(0)?;
    let list: Value = serde_json::from_str(&list.out)?;
    let id = list["data"][0]["id"].as_str().context("an id")?;
    assert!(whole.err.contains(&format!("greenroom rehearsals show -e live {id}")), "{}", whole.err);
    let shown = said(&server, &["rehearsals", "show", "-e", "live", id])?.exits(0)?;
    assert!(shown.out.starts_with(id) && shown.out.ends_with(&whole.out), "{}", shown.out);
    let verified = said(&server, &["verify", "-e", "live"])?.exits(0)?;
    assert!(verified.out.contains("live holds"), "{}", verified.out);
    server.stop()
}
