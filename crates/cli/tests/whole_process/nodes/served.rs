//! What a node that serves keeps others from: its data folder, and moving the database away from under it.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Result, ensure};

use super::place::Nodes;
use crate::place::program;

fn said(output: &Output, words: &[&str]) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1), "{:?} {said}", output.status);
    for word in words {
        ensure!(said.contains(word), "no `{word}` in: {said}");
    }
    Ok(())
}

fn migrate(place: &Nodes, to: &Path) -> Result<Output> {
    let mut command = Command::new(program());
    command.args(["migrate-store", "--to", &format!("sqlite:{}", to.display())]).stdin(Stdio::null());
    place.with_store(&mut command, "GREENROOM_FROM");
    Ok(command.output()?)
}

#[test]
fn a_node_has_its_folder_and_its_database() -> Result<()> {
    let place = Nodes::new(1)?;
    let (mut nodes, _) = place.begin()?;
    let mut second = Command::new(program());
    second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(place.folder(0)).stdin(Stdio::null());
    place.with_store(&mut second, "GREENROOM_STORE");
    let pid = format!("(process {})", nodes[0].pid());
    said(&second.output()?, &["needs a data folder of its own", "in use by another process", &pid])?;

    let to = place.file("moved");
    said(&migrate(&place, &to)?, &["`live`", "is being served, by `", "stop every server of the source"])?;
    // Whoever was turned away has done no harm.
    nodes[0].json(&["env", "show", "live"])?;
    nodes.remove(0).stop()?;
    let moved = migrate(&place, &to)?;
    ensure!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    // The folder is free again.
    place.serve(0)?.stop()
}
