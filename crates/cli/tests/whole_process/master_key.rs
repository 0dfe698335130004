//! Changing the master key of a stopped server.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};

use crate::place::{Place, Sender, one_point_per_dollar, order, points, program, verified};

fn change(place: &Place) -> Command {
    let mut command = Command::new(program());
    command.args(["change-master-key", "--auto-approve", "--data"]).arg(&place.data);
    command.env_remove("GREENROOM_MASTER_KEY");
    command
}

fn refused(command: &mut Command, why: &str) -> Result<()> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && told.contains(why), "{told}");
    Ok(())
}

#[test]
fn a_stopped_server_gets_another_master_key() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.json(&["env", "create", "staging"])?;
    server.apply(&one_point_per_dollar(), "live")?;
    Sender::new(&server, &server.write_key("live")?)?.send(&[order("o-1", "ann", "40.00")?])?;
    let backup = server.json(&["backup", "--environment", "live"])?;
    let backup = place.data.join("backups").join(backup["name"].as_str().context("it has a name")?);
    refused(&mut change(&place), "Stop its server first")?;
    server.stop()?;

    let file = place.data.join("master.key");
    let before = fs::read_to_string(&file)?;
    let told = change(&place).output()?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let after = fs::read_to_string(&file)?;
    ensure!(after != before && after.trim().len() == 64, "the file has another key");
    ensure!(!place.data.join("new-master.key").exists(), "that is where it was before");
    let kept: Vec<_> = fs::read_dir(&place.data)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("master-until-"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read_to_string(kept[0].path())?, before);

    let server = place.serve()?;
    assert_eq!(points(&server, "ann")?, Some(40));
    verified(&server)?;
    server.stop()?;

    // A backup of before needs the key of before; then that environment is brought under the one of now.
    let restore = || {
        let mut restore = Command::new(program());
        restore.args(["restore", "--stopped", "--auto-approve", "--environment", "live", "--data"]);
        restore.arg(&place.data).arg(&backup).env_remove("GREENROOM_MASTER_KEY");
        restore
    };
    refused(&mut restore(), "sealed with another master key")?;
    let restored = restore().env("GREENROOM_MASTER_KEY", before.trim()).output()?;
    ensure!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let told = change(&place)
        .env("GREENROOM_MASTER_KEY", before.trim())
        .arg("--new-key-file")
        .arg(&file)
        .output()?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    // As after being broken off between the two.
    let told = String::from_utf8(told.stdout)?;
    ensure!(
        told.contains("live: sealed anew") && told.contains("staging: has the new key already"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(&file)?, after, "it is left as it was");
    let server = place.serve()?;
    assert_eq!(points(&server, "ann")?, Some(40));
    server.stop()?;
    Ok(())
}
