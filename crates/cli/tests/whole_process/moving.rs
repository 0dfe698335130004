//! `greenroom migrate-store`: what a server took in on one store, another serves on the next.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use examples::record_shop;
use serde_json::Value;

use crate::place::{Place, Sender, one_point_per_dollar, order, points, program, totals, verified};

/// The command, with nothing of the machine's own settings.
fn migrate(from: &str, to: &str, more: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(["migrate-store", "--from", from, "--to", to]).args(more).stdin(Stdio::null());
    for variable in ["GREENROOM_MASTER_KEY", "GREENROOM_DATA", "GREENROOM_STORE"] {
        command.env_remove(variable);
    }
    command
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.display())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server's history, at rest.
fn history(place: &Place, orders: usize) -> Result<Value> {
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let file = place.file("orders.ndjson");
    record_shop::write(&mut File::create(&file)?, orders)?;
    server.json(&["import", &file.to_string_lossy(), "--environment", "live"])?;
    let key = server.write_key("live")?;
    Sender::new(&server, &key)?.send(&[order("o-1", "ann", "12.50")?])?;
    let totals = totals(&server, "live")?;
    server.stop()?;
    Ok(totals)
}

#[test]
fn a_moved_folder_serves_what_the_old_one_had() -> Result<()> {
    let (place, other) = (Place::new()?, Place::new()?);
    let before = history(&place, 3_000)?;
    let moved = migrate(&sqlite(&place.data), &sqlite(&other.data), &["--output", "json"]).output()?;
    ensure!(moved.status.success(), "{}", stderr(&moved));
    let told: Value = serde_json::from_slice(&moved.stdout)?;
    let live = &told["environments"][0];
    assert_eq!(
        (&live["environment"], &live["rows"]["records"]),
        (&"live".into(), &before["records"]),
        "{told}"
    );
    assert_eq!(live["redecided"], before["records"], "{told}");
    assert_eq!(told["administrators"], 1);
    let said = stderr(&moved);
    for words in ["live: carrying records over", "live: making every decision again", "master key"] {
        ensure!(said.contains(words), "no `{words}` in: {said}");
    }
    // The key and the token are not the store's: whoever moves it brings them along.
    for file in ["master.key", "admin.token"] {
        fs::copy(place.data.join(file), other.data.join(file))?;
    }
    let server = other.serve()?;
    assert_eq!(totals(&server, "live")?, before);
    assert_eq!(points(&server, "ann")?, Some(12));
    verified(&server)?;
    server.stop()?;

    let again = migrate(&sqlite(&place.data), &sqlite(&other.data), &[]).output()?;
    ensure!(!again.status.success(), "nothing is written over");
    ensure!(stderr(&again).contains("the target has `live` already"), "{}", stderr(&again));
    Ok(())
}

/// `kill -9` while records are carried over: the same command again makes a whole environment.
#[test]
fn a_killed_move_is_begun_anew() -> Result<()> {
    let (place, other) = (Place::new()?, Place::new()?);
    let before = history(&place, 5_000)?;
    let mut begun = migrate(&sqlite(&place.data), &sqlite(&other.data), &[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let give_up = Instant::now() + Duration::from_mins(1);
    while !other.data.join("environments/live/store.db").exists() {
        ensure!(Instant::now() < give_up, "the move never began");
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(50));
    begun.kill()?;
    ensure!(!begun.wait()?.success(), "it was killed on the way");
    let again = migrate(&sqlite(&place.data), &sqlite(&other.data), &["--environment", "live"]).output()?;
    ensure!(again.status.success(), "{}", stderr(&again));
    for file in ["master.key", "admin.token"] {
        fs::copy(place.data.join(file), other.data.join(file))?;
    }
    let server = other.serve()?;
    // Without the administrators a server makes the first one anew.
    assert_eq!(totals(&server, "live")?, before);
    verified(&server)?;
    server.stop()
}

#[test]
fn what_cannot_be_moved_is_said_before_anything_is_done() -> Result<()> {
    let (place, other) = (Place::new()?, Place::new()?);
    let server = place.serve()?;
    let (from, to) = (sqlite(&place.data), sqlite(&other.data));
    let absent = sqlite(&other.file("absent"));
    let unreachable = "postgres://nobody:hush@127.0.0.1:1/nothing";
    let refused = |from: &str, to: &str, more: &[&str], words: &[&str]| -> Result<()> {
        let output = migrate(from, to, more).output()?;
        let said = stderr(&output);
        ensure!(output.status.code() == Some(1), "{from} {to}: {:?} {said}", output.status);
        for word in words {
            ensure!(said.contains(word), "{from} to {to}: no `{word}` in: {said}");
        }
        ensure!(!said.contains("hush"), "a password is repeated: {said}");
        Ok(())
    };
    refused(
        &from,
        &to,
        &[],
        &["opening the source (its server must be stopped)", "in use by another process"],
    )?;
    server.stop()?;
    refused(&from, &from, &[], &["the same store"])?;
    refused("mysql://u:hush@h/d", &to, &[], &["--from", "`mysql` is not a store", "sqlite:FOLDER"])?;
    refused(&from, "data", &[], &["--to", "is not a store"])?;
    refused(&absent, &to, &[], &["opening the source", "does not exist"])?;
    ensure!(!other.file("absent").exists(), "a source is never made");
    refused(&from, unreachable, &[], &["opening the target", "connection"])?;
    refused(&from, &to, &["--environment", "shop"], &["no environment `shop`", "live"])?;
    let key = fs::read_to_string(place.data.join("master.key")).context("the server made one")?;
    fs::remove_file(place.data.join("master.key"))?;
    refused(&from, &to, &[], &["no master.key", "GREENROOM_MASTER_KEY"])?;
    fs::write(place.data.join("master.key"), key)?;
    ensure!(migrate(&from, &to, &[]).output()?.status.success(), "nothing of it stands in the way");
    Ok(())
}
