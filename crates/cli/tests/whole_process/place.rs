//! What the whole-process tests stand on: a folder, a server on it, events sent to it, what came of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use xtask::{greenroom::Greenroom, workspace};

/// The binary under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_greenroom"))
}

/// One point for every whole dollar of an order.
pub(crate) fn one_point_per_dollar() -> PathBuf {
    workspace::root().join("tests/programs/one_point_per_dollar")
}

/// A folder with a server on it, whose live environment has the program.
pub(crate) struct Place {
    _room: tempfile::TempDir,
    pub(crate) data: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Result<Self> {
        let room = tempfile::tempdir()?;
        Ok(Self { data: room.path().join("data"), _room: room })
    }

    /// Starts a server here, again or for the first time.
    pub(crate) fn serve(&self) -> Result<Greenroom> {
        Greenroom::start(program(), &self.data)
    }

    /// A file beside the data.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.with_file_name(name)
    }
}

/// Sends events like a server's client library.
pub(crate) struct Sender {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

impl Sender {
    pub(crate) fn new(server: &Greenroom, key: &str) -> Result<Self> {
        Ok(Self {
            agent: ureq::Agent::new_with_config(
                ureq::Agent::config_builder().http_status_as_error(false).build(),
            ),
            url: format!("{}/v1/batch", server.collector()?),
            authorization: format!("Basic {}", STANDARD.encode(format!("{key}:"))),
        })
    }

    /// Whether the batch was acknowledged; an error when nobody answered.
    pub(crate) fn send(&self, batch: &[Value]) -> Result<()> {
        let request = self.agent.post(&self.url).header("Authorization", &self.authorization);
        let mut answer = request.send_json(json!({ "batch": batch }))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().read_to_string()?;
        ensure!(status == 200, "answered {status}: {body}");
        Ok(())
    }
}

/// An order; its id is its message's too.
pub(crate) fn order(id: &str, user: &str, total: &str) -> Result<Value> {
    let total: Value = serde_json::from_str(total).context("a total")?;
    Ok(json!({
        "type": "track", "messageId": id, "userId": user, "event": "Order Completed",
        "timestamp": "2026-03-01T12:00:00.000Z", "properties": { "order_id": id, "total": total },
    }))
}

/// A member's spendable points in live; `None` when there is no such member.
pub(crate) fn points(server: &Greenroom, user: &str) -> Result<Option<i64>> {
    let output =
        server.command(&["profile", "show", user, "--environment", "live", "--output", "json"]).output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(complaint.contains("not_found"), "{complaint}");
        return Ok(None);
    }
    let shown: Value = serde_json::from_slice(&output.stdout)?;
    let available = shown["wallets"]["points"]["available"].as_i64();
    Ok(Some(available.with_context(|| format!("no `wallets.points.available` in {shown}"))?))
}

/// `greenroom verify` finds nothing.
pub(crate) fn verified(server: &Greenroom) -> Result<()> {
    server.json(&["verify", "--environment", "live"]).map(drop)
}

/// How many events live has decided, points it has issued, and members two audiences have.
pub(crate) fn totals(server: &Greenroom) -> Result<Value> {
    let shown = server.json(&["env", "show", "live"])?;
    Ok(json!({
        "events": shown["events"],
        "profiles": shown["profiles"],
        "issued": shown["currencies"]["points"]["issued"],
        "big_spenders": shown["audiences"]["big_spenders"],
        "regulars": shown["audiences"]["regulars"],
    }))
}
