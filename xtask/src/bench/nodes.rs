//! Greenroom over PostgreSQL: one node, then two.

use std::{net::TcpListener, path::Path};

use anyhow::{Context, Result};

use super::{
    hand_rolled::SETTINGS,
    load::{self, Load},
};
use crate::{
    greenroom::Greenroom,
    postgres::{Access, Cluster},
    workspace,
};

/// What was measured: with one node, and with two.
pub(super) struct Figures {
    pub(super) one: Vec<Load>,
    pub(super) two: Vec<Load>,
    pub(super) disk_bytes_per_event: f64,
}

pub(super) fn run(folder: &Path, events: u64) -> Result<Figures> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr())?.port();
    let settings = format!("{SETTINGS}listen_addresses = '127.0.0.1'\nport = {port}\n");
    let database = folder.join("database");
    std::fs::create_dir(&database).with_context(|| database.display().to_string())?;
    let _cluster = Cluster::start(&database, Access::Trust, &settings)?;
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    // Nodes of one install have one master key.
    let key = "5a".repeat(32);
    let node = |name: &str| {
        Greenroom::start_prepared(&workspace::built("release", "greenroom"), &folder.join(name), |command| {
            command.args(["--store", &url, "--node", name]).env("GREENROOM_MASTER_KEY", &key);
        })
    };
    let first = node("first")?;
    first.apply(&workspace::root().join("benches/program"), "live")?;
    let key = first.write_key("live")?;
    load::members(&first, &key)?;
    let before = bytes(&first)?;
    let mut figures = Figures { one: Vec::new(), two: Vec::new(), disk_bytes_per_event: 0.0 };
    let mut sent = 0.0;
    for way in load::ways(events) {
        println!("  one node: {way}");
        figures.one.push(load::send(&first, &key, way)?);
        sent += f64::from(u32::try_from(way.events)?);
    }
    figures.disk_bytes_per_event = (bytes(&first)? - before) / sent;
    let second = node("second")?;
    for way in load::ways(events) {
        println!("  two nodes: {way}");
        figures.two.push(load::send_to_all(&[&first, &second], &key, way)?);
    }
    first.stop()?;
    second.stop()?;
    Ok(figures)
}

/// Tables and indexes of `live`, all in.
fn bytes(server: &Greenroom) -> Result<f64> {
    let shown = server.json(&["env", "show", "live"])?;
    shown["bytes"].as_f64().with_context(|| format!("no `bytes` in {shown}"))
}
