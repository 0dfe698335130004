//! What these tests stand on: a PostgreSQL server that keeps what it committed, and nodes over a database of it.

use std::{fs, net::TcpListener, process::Command};

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::{greenroom::Greenroom, postgres::Server};

use crate::place::{one_point_per_dollar, program, verified};

/// Any will do; all nodes have the same.
const MASTER_KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// The server, and where nodes have their folders and addresses.
pub(crate) struct Nodes {
    room: tempfile::TempDir,
    pub(crate) postgres: Server,
    url: String,
    /// Where each listens besides, the same whenever it is started.
    pub(crate) addresses: Vec<String>,
}

impl Nodes {
    /// Nothing runs yet but the PostgreSQL server.
    pub(crate) fn new(count: usize) -> Result<Self> {
        let postgres = Server::durable()?;
        let url = postgres.database("greenroom")?;
        // All at once, so that no two are the same.
        let free = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
        let addresses = free.iter().map(|free| Ok(free.local_addr()?.to_string())).collect::<Result<_>>()?;
        Ok(Self { room: tempfile::tempdir()?, postgres, url, addresses })
    }

    /// Starts all of them; live has the program, and a write key.
    pub(crate) fn begin(&self) -> Result<(Vec<Greenroom>, String)> {
        let first = self.serve(0)?;
        first.apply(&one_point_per_dollar(), "live")?;
        let key = first.write_key("live")?;
        let mut nodes = vec![first];
        for no in 1..self.addresses.len() {
            nodes.push(self.serve(no)?);
        }
        Ok((nodes, key))
    }

    /// Starts a node, again or for the first time. The first node is the first that ever starts.
    pub(crate) fn serve(&self, no: usize) -> Result<Greenroom> {
        let data = self.folder(no);
        let token = data.join("admin.token");
        if no > 0 && !token.exists() {
            // The first has made the administrator; there is only one.
            fs::create_dir_all(&data)?;
            fs::copy(self.room.path().join("node-0/admin.token"), &token).context("the first has a token")?;
        }
        Greenroom::start_prepared(program(), &data, |command| {
            command.args(["--listen", &self.addresses[no]]);
            self.with_store(command, "GREENROOM_STORE");
        })
    }

    /// The data folder of a node.
    pub(crate) fn folder(&self, no: usize) -> std::path::PathBuf {
        self.room.path().join(format!("node-{no}"))
    }

    /// Tells a command of the database, by this variable, and of the master key.
    pub(crate) fn with_store(&self, command: &mut Command, variable: &str) {
        command.env(variable, &self.url).env("GREENROOM_MASTER_KEY", MASTER_KEY);
    }

    /// A file beside the folders.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.room.path().join(name)
    }
}

/// The same totals whichever node is asked, and nothing found by `verify`.
pub(crate) fn all_have(nodes: &[Greenroom], expected: &Value) -> Result<()> {
    for node in nodes {
        assert_eq!(&crate::place::totals(node, "live")?, expected);
    }
    verified(&nodes[0])
}

/// Ends them in order.
pub(crate) fn stop(nodes: Vec<Greenroom>) -> Result<()> {
    nodes.into_iter().try_for_each(Greenroom::stop)
}
