//! What the whole-process tests stand on: a folder, a server on it, events sent to it, what came of them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use xtask::{greenroom::Greenroom, workspace};

use crate::asked::Answer;

/// The binary under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_greenroom"))
}

/// One point for every whole dollar of an order.
pub(crate) fn one_point_per_dollar() -> PathBuf {
    workspace::root().join("tests/programs/one_point_per_dollar")
}

/// Two points a dollar for orders of 30 dollars and more, one for smaller ones.
pub(crate) fn two_points_from_thirty() -> PathBuf {
    workspace::root().join("tests/programs/two_points_from_thirty")
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

    /// A program's folder beside the data, of these files.
    pub(crate) fn program(&self, name: &str, files: &[(&str, &str)]) -> Result<PathBuf> {
        let folder = self.file(name);
        for (file, text) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
            fs::write(path, text)?;
        }
        Ok(folder)
    }
}

/// The text of [`one_point_per_dollar`], to be added to.
pub(crate) fn one_point_per_dollar_text() -> Result<String> {
    Ok(fs::read_to_string(one_point_per_dollar().join("program.yaml"))?)
}

/// Sends events like a server's client library.
pub(crate) struct Sender {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

impl Sender {
    pub(crate) fn new(server: &Greenroom, key: &str) -> Result<Self> {
        Ok(Self::to(server.collector()?, key, None))
    }

    /// To any address; with an end to its patience, if one is given.
    pub(crate) fn to(collector: &str, key: &str, patience: Option<Duration>) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(patience);
        Self {
            agent: ureq::Agent::new_with_config(config.build()),
            url: format!("{collector}/v1/batch"),
            authorization: format!("Basic {}", STANDARD.encode(format!("{key}:"))),
        }
    }

    /// An error unless the batch was acknowledged.
    pub(crate) fn send(&self, batch: &[Value]) -> Result<()> {
        let (status, body) = self.post(&json!({ "batch": batch }).to_string())?;
        ensure!(status == 200, "answered {status}: {body}");
        Ok(())
    }

    /// Sends a batch and asks what became of each item.
    pub(crate) fn reported(&self, batch: &[Value]) -> Result<Answer> {
        let request = self.agent.post(&self.url).header("Authorization", &self.authorization);
        let body = json!({ "batch": batch }).to_string();
        Answer::read(request.header("Greenroom-Report", "1").send(body)?)
    }

    /// Sends any text; the status and body that come back.
    pub(crate) fn post(&self, body: &str) -> Result<(u16, String)> {
        let request = self.agent.post(&self.url).header("Authorization", &self.authorization);
        let mut answer = request.send(body)?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
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
        ensure!(complaint.contains("nobody in live"), "{complaint}");
        return Ok(None);
    }
    let shown: Value = serde_json::from_slice(&output.stdout)?;
    let balances = &shown["profile"]["balances"];
    ensure!(balances.is_object(), "no `profile.balances` in {shown}");
    Ok(Some(balances["points"]["available"].as_i64().unwrap_or(0)))
}

/// `greenroom verify` finds nothing.
pub(crate) fn verified(server: &Greenroom) -> Result<()> {
    server.json(&["verify", "--environment", "live"]).map(drop)
}

/// How many records an environment has, points its members hold, and members two audiences have.
pub(crate) fn totals(server: &Greenroom, environment: &str) -> Result<Value> {
    let shown = server.json(&["env", "show", environment])?;
    Ok(json!({
        "records": shown["records"],
        "profiles": shown["profiles"],
        "points": shown["accounts"]["points"]["available"],
        "big_spenders": shown["audiences"]["big_spenders"],
        "regulars": shown["audiences"]["regulars"],
    }))
}
