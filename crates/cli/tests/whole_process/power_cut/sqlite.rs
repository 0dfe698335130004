//! The harness on plain SQLite: it must find nothing where syncs are honest, and loss where they are not.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::{chance::Chance, disk::Unsynced, recorder};

const ROWS: usize = 120;

/// Commits rows under the recorder; for each, how long the log was when its commit had returned.
fn commit_rows(watched: &recorder::Watched, synchronous: &str, syncs_ignored: bool) -> Result<Vec<u64>> {
    let mut command = Command::new("python3");
    command.arg(recorder::sources().join("sqlite_rows.py")).arg("write").arg(watched.folder.join("rows.db"));
    command.args([synchronous, &ROWS.to_string()]).arg(&watched.log);
    watched.preload(&mut command, syncs_ignored);
    let output = command.output().context("python3 could not be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    printed.lines().map(|line| line.parse().context("a length")).collect()
}

/// How many rows a rebuilt folder holds; an error when the database is damaged.
fn count_rows(folder: &Path) -> Result<usize> {
    let script = recorder::sources().join("sqlite_rows.py");
    let output = Command::new("python3").arg(script).arg("read").arg(folder.join("rows.db")).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// What went wrong over many cuts: acknowledged rows lost, or the database damaged.
fn faults(synchronous: &str, syncs_ignored: bool) -> Result<Vec<String>> {
    let watched = recorder::Watched::new()?;
    let lengths = commit_rows(&watched, synchronous, syncs_ignored)?;
    ensure!(lengths.len() == ROWS, "{} of {ROWS} commits returned", lengths.len());
    watched.check_complete()?;
    let entries = watched.entries()?;
    let mut chance = Chance::new(1);
    let mut faults = Vec::new();
    for seed in 0..12 {
        let end = lengths[ROWS - 1];
        let cut = chance.next() % end;
        for unsynced in [Unsynced::Dropped, Unsynced::Kept, Unsynced::Some(seed), Unsynced::Torn(seed)] {
            let acknowledged = lengths.iter().filter(|length| **length <= cut).count();
            match count_rows(watched.rebuilt(&entries, cut, unsynced)?) {
                Ok(rows) if rows >= acknowledged => {}
                Ok(rows) => faults.push(format!("{unsynced:?} at {cut}: {rows} of {acknowledged} rows")),
                Err(error) => faults.push(format!("{unsynced:?} at {cut}: {error}")),
            }
        }
    }
    Ok(faults)
}

#[test]
fn honest_syncs_lose_nothing() -> Result<()> {
    assert_eq!(faults("FULL", false)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_build_without_syncs_is_caught() -> Result<()> {
    assert!(faults("OFF", false)?.len() > 10);
    Ok(())
}

#[test]
fn ignored_syncs_are_caught() -> Result<()> {
    assert!(faults("FULL", true)?.len() > 10);
    Ok(())
}
