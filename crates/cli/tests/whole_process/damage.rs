//! Damage to what is stored, and a disk that is full: noticed and said, never served as truth.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use xtask::greenroom::Greenroom;

use crate::{
    place::{Place, Sender, one_point_per_dollar, order, points, program, totals, verified},
    power_cut::{Chance, Watched},
};

const USERS: usize = 30;
const FLIPS: usize = 25;

/// Longer than the store's note of what it acknowledged may lag behind.
const NOTED: Duration = Duration::from_millis(2_500);

/// A folder that has seen some orders, and is closed.
fn used() -> Result<Place> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    for user in 0..USERS {
        let orders = (0..5).map(|n| order(&format!("{user}-{n}"), &format!("u-{user}"), "10.00"));
        sender.send(&orders.collect::<Result<Vec<_>>>()?)?;
    }
    server.stop()?;
    Ok(place)
}

/// The data file of the live environment: the largest below its folder.
fn data_file(data: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(data.join("environments/live")).context("live has no folder")?;
    let mut sized = Vec::new();
    for file in files {
        let file = file?;
        sized.push((file.metadata()?.len(), file.path()));
    }
    Ok(sized.into_iter().max().context("live has no file")?.1)
}

#[test]
fn a_flipped_bit_is_never_served_as_truth() -> Result<()> {
    let place = used()?;
    let server = place.serve()?;
    let truth = totals(&server, "live")?;
    server.stop()?;
    let file = data_file(&place.data)?;
    let whole = fs::read(&file)?;
    let mut chance = Chance::new(3);
    let mut noticed = 0;
    for _ in 0..FLIPS {
        let mut bytes = whole.clone();
        let (byte, bit) = (chance.below(bytes.len()), chance.below(8));
        bytes[byte] ^= 1 << bit;
        fs::write(&file, bytes)?;
        let flipped = format!("bit {bit} of byte {byte}");
        let Ok(server) = place.serve() else {
            noticed += 1;
            continue;
        };
        if verified(&server).is_err() {
            noticed += 1;
        } else {
            // The bit was one that nothing is kept in.
            assert_eq!(totals(&server, "live")?, truth, "{flipped}");
            for user in 0..USERS {
                assert_eq!(points(&server, &format!("u-{user}"))?, Some(50), "{flipped}");
            }
        }
        server.kill()?;
        fs::write(&file, &whole)?;
        remove_beside(&file)?;
    }
    ensure!(noticed > 0, "none of {FLIPS} flipped bits was noticed");
    Ok(())
}

/// What SQLite left beside a file when it was killed belongs to the damaged one.
fn remove_beside(file: &Path) -> Result<()> {
    for end in ["-wal", "-shm", "-journal"] {
        let beside = PathBuf::from(format!("{}{end}", file.display()));
        if beside.exists() {
            fs::remove_file(beside)?;
        }
    }
    Ok(())
}

#[test]
fn an_older_copy_of_the_data_file_is_refused() -> Result<()> {
    let place = used()?;
    let file = data_file(&place.data)?;
    let older = fs::read(&file)?;
    let server = place.serve()?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    sender.send(&[order("later", "u-0", "10.00")?])?;
    thread::sleep(NOTED);
    server.stop()?;
    fs::write(&file, older)?;
    remove_beside(&file)?;
    let error = place.serve().err().context("it opened a data file that lacks what was acknowledged")?;
    ensure!(format!("{error:#}").contains("live"), "which environment is not said: {error:#}");
    Ok(())
}

#[test]
fn two_processes_cannot_hold_one_folder() -> Result<()> {
    let place = used()?;
    let server = place.serve()?;
    let second = Command::new(program())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&place.data)
        .stdin(Stdio::null())
        .output()?;
    ensure!(!second.status.success(), "a second server holds the folder too");
    let complaint = String::from_utf8_lossy(&second.stderr);
    ensure!(complaint.contains(&server.pid().to_string()), "who holds the folder is not said: {complaint}");
    assert_eq!(points(&server, "u-1")?, Some(50), "the first goes on");
    server.stop()
}

#[test]
fn a_full_disk_stops_acknowledging_and_loses_nothing() -> Result<()> {
    let watched = Watched::new()?;
    let serve = |space: Option<u64>| {
        Greenroom::start_prepared(program(), &watched.folder, |command| {
            watched.preload(command, false);
            if let Some(bytes) = space {
                command.env("POWER_CUT_SPACE", bytes.to_string());
            }
        })
    };
    let server = serve(None)?;
    server.apply(&one_point_per_dollar(), "live")?;
    let key = server.write_key("live")?;
    server.stop()?;

    let server = serve(Some(2_000_000))?;
    let sender = Sender::new(&server, &key)?;
    let mut acknowledged = 0;
    let refused = (0..100_000).find_map(|n| {
        let batch: Result<Vec<_>> = (0..20).map(|i| order(&format!("{n}-{i}"), "ann", "1.00")).collect();
        let sent = batch.and_then(|batch| sender.send(&batch));
        acknowledged += if sent.is_ok() { 20 } else { 0 };
        sent.err()
    });
    let refused = format!("{:#}", refused.context("two megabytes took all that was sent")?);
    ensure!(refused.contains("answered 5"), "a full disk is the server's trouble: {refused}");
    ensure!(acknowledged > 0, "nothing was acknowledged at all");
    server.kill()?;

    let server = serve(None)?;
    let found = points(&server, "ann")?.unwrap_or(0);
    ensure!(found >= acknowledged, "{found} of {acknowledged} acknowledged orders are there");
    verified(&server)?;
    Sender::new(&server, &key)?.send(&[order("after", "bob", "3.00")?])?;
    assert_eq!(points(&server, "bob")?, Some(3));
    server.stop()
}

#[test]
fn an_environment_that_does_not_open_is_restored_without_a_server() -> Result<()> {
    let place = used()?;
    let server = place.serve()?;
    let truth = totals(&server, "live")?;
    let backup = server.json(&["backup", "--environment", "live"])?;
    let backup = backup["path"].as_str().context("a backup has a path")?.to_owned();
    let restore = |auto: bool| {
        let mut restore = Command::new(program());
        restore.args(["restore", "--environment", "live", "--stopped", &backup, "--data"]).arg(&place.data);
        restore.args(auto.then_some("--auto-approve")).stdin(Stdio::null()).output()
    };
    let taken = restore(true)?;
    let words = String::from_utf8_lossy(&taken.stderr).into_owned();
    ensure!(!taken.status.success() && words.contains("Stop its server first"), "{words}");
    server.stop()?;

    let file = data_file(&place.data)?;
    let mut bytes = fs::read(&file)?;
    bytes[..4_096].fill(7);
    fs::write(&file, bytes)?;
    ensure!(place.serve().is_err(), "its first page is gone");
    ensure!(!restore(false)?.status.success(), "nobody was there to ask");
    let restored = restore(true)?;
    ensure!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let server = place.serve()?;
    assert_eq!(totals(&server, "live")?, truth);
    verified(&server)?;
    server.stop()
}
