//! Client libraries as they are shipped deliver into a running server. `cargo xtask test` installs them.

use std::process::Command;

use anyhow::Result;
use serde_json::json;
use xtask::{greenroom::Greenroom, process, workspace};

use crate::place::{Place, one_point_per_dollar, points, totals, verified};

const ORDERS: i64 = 40;

/// Runs a client that sends forty orders of 2.50 for `user`, and one of them twice; then looks what arrived.
fn delivers(user: &str, client: impl FnOnce(&Greenroom) -> Result<Command>) -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let key = server.write_key("live")?;
    let mut client = client(&server)?;
    client
        .env("GREENROOM_COLLECTOR", server.collector()?)
        .env("GREENROOM_KEY", &key)
        .env("GREENROOM_USER", user);
    process::output(&mut client)?;
    assert_eq!(points(&server, user)?, Some(ORDERS * 2), "2 points for 2.50, each order once");
    assert_eq!(totals(&server, "live")?["profiles"], json!(1));
    verified(&server)?;
    server.stop()
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    // The script stands beside the packages that it imports.
    let installed = workspace::target().join("sdk/node");
    command.arg(installed.join(script)).current_dir(installed);
    command
}

fn copy(script: &str) -> Result<()> {
    let from = workspace::root().join("tests/sdk/node").join(script);
    std::fs::copy(from, workspace::target().join("sdk/node").join(script)).map(drop).map_err(Into::into)
}

#[test]
#[ignore = "needs packages of npm; `cargo xtask test` installs them and runs it"]
fn segment_for_node_delivers() -> Result<()> {
    copy("segment.mjs")?;
    delivers("node-segment", |_| Ok(node("segment.mjs")))
}

#[test]
#[ignore = "needs packages of npm; `cargo xtask test` installs them and runs it"]
fn rudderstack_for_node_delivers() -> Result<()> {
    copy("rudderstack.mjs")?;
    delivers("node-rudderstack", |_| Ok(node("rudderstack.mjs")))
}

#[test]
#[ignore = "needs packages of PyPI; `cargo xtask test` installs them and runs it"]
fn segment_for_python_delivers() -> Result<()> {
    delivers("python-segment", |_| {
        let mut command = Command::new(workspace::target().join("sdk/python/bin/python"));
        command.arg(workspace::root().join("tests/sdk/python/segment_orders.py"));
        Ok(command)
    })
}
