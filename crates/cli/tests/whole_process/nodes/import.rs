//! The record shop's whole history on PostgreSQL, by one node and by three at once; totals are those of a data folder.

use std::{fs, path::PathBuf, process::Child, process::Stdio};

use anyhow::{Context, Result, ensure};
use examples::record_shop;
use serde_json::Value;
use xtask::greenroom::Greenroom;

use super::place::{Nodes, all_have, stop};
use crate::import::whole_history;

/// The first so many orders of the history, in as many files as there are nodes, one part after another.
pub(super) fn files(nodes: &Nodes, orders: usize) -> Result<Vec<PathBuf>> {
    let mut text = Vec::new();
    record_shop::write(&mut text, orders)?;
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let parts = lines.chunks(lines.len().div_ceil(nodes.addresses.len())).enumerate();
    parts
        .map(|(no, part)| {
            let file = nodes.file(&format!("orders-{no}.ndjson"));
            fs::write(&file, part.concat())?;
            Ok(file)
        })
        .collect()
}

/// Begins to import a file through a node.
pub(super) fn begin(node: &Greenroom, file: &PathBuf) -> Result<Child> {
    let mut command = node.command(&["import"]);
    command.arg(file).args(["--environment", "live", "--output", "json"]);
    Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// What an import came to, once it has ended by itself.
pub(super) fn ended(import: Child) -> Result<Value> {
    let output = import.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("an import tells JSON")
}

/// The whole history in as many parts as there are nodes, each through its own, all at once.
fn whole_history_through(count: usize) -> Result<()> {
    let nodes = Nodes::new(count)?;
    let (running, _) = nodes.begin()?;
    let files = files(&nodes, usize::MAX)?;
    let importing =
        files.iter().zip(&running).map(|(file, node)| begin(node, file)).collect::<Result<Vec<_>>>()?;
    let mut decided = 0;
    for import in importing {
        let done = ended(import)?;
        ensure!(done["duplicate"] == 0 && done["quarantined"] == 0, "{done}");
        decided += done["decided"].as_u64().context("an import tells what was decided")?;
    }
    let whole = whole_history();
    assert_eq!(decided, whole["records"]);
    all_have(&running, &whole)?;
    // Each has all that the others took.
    let mut again = running[count - 1].command(&["import"]);
    again.arg(&files[0]).args(["--environment", "live", "--from-start", "--output", "json"]);
    let again: Value = serde_json::from_str(&xtask::process::output(&mut again)?)?;
    assert_eq!(again["duplicate"], again["events"], "{again}");
    all_have(&running, &whole)?;
    stop(running)
}

#[test]
fn one_node_comes_to_the_same_as_a_data_folder() -> Result<()> {
    whole_history_through(1)
}

#[test]
fn three_nodes_with_a_third_each_come_to_the_same() -> Result<()> {
    whole_history_through(3)
}
