//! A running `greenroom serve`, and its command line: for the bench and the whole-process tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process;

const START_SECONDS_MAX: u64 = 30;
const STOP_SECONDS_MAX: u64 = 30;

/// A server on a data folder. Killed when dropped.
pub struct Greenroom {
    program: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    child: Child,
    serving: Value,
}

impl Greenroom {
    /// Starts `program serve` on a folder, on a free port, and waits until it takes requests.
    pub fn start(program: &Path, folder: &Path) -> Result<Self> {
        Self::start_prepared(program, folder, |_| {})
    }

    /// The same, with a last change to how it is started. What it prints is added to `FOLDER.log`.
    pub fn start_prepared(program: &Path, folder: &Path, prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        let log = folder.with_extension("log");
        let output = fs::File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("opening {}", log.display()))?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        prepare(&mut command);
        let child =
            command.spawn().with_context(|| format!("`{}` could not be started", program.display()))?;
        let mut started =
            Self { program: program.to_owned(), folder: folder.to_owned(), log, child, serving: Value::Null };
        started.wait_until_serving()?;
        Ok(started)
    }

    fn wait_until_serving(&mut self) -> Result<()> {
        let give_up = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("`greenroom serve` ended at once ({status}):\n{}", self.last_words());
            }
            // A file of an earlier run names another process.
            let serving = fs::read(self.folder.join("serving.json")).ok();
            let serving: Option<Value> = serving.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            if let Some(serving) = serving.filter(|serving| serving["pid"] == self.child.id()) {
                self.serving = serving;
                return Ok(());
            }
            if Instant::now() > give_up {
                bail!("`greenroom serve` was not ready after {START_SECONDS_MAX} s:\n{}", self.last_words());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The end of what it printed.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where events go, e.g. `http://127.0.0.1:40123`.
    pub fn collector(&self) -> Result<&str> {
        self.serving["collector"].as_str().context("serving.json has no `collector`")
    }

    /// A `greenroom` command about this server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("GREENROOM_DATA", &self.folder).stdin(Stdio::null());
        command
    }

    /// Runs a `greenroom` command and reads the JSON it prints.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.command(arguments);
        let text = process::output(command.args(["--output", "json"]))?;
        serde_json::from_str(&text)
            .with_context(|| format!("`greenroom {}` printed {text}", arguments.join(" ")))
    }

    /// Makes a write key for an environment.
    pub fn write_key(&self, environment: &str) -> Result<String> {
        let made = self.json(&["keys", "create", "--environment", environment, "--kind", "wk", "a test"])?;
        Ok(made["token"].as_str().with_context(|| format!("no `token` in {made}"))?.to_owned())
    }

    /// Applies a folder of configuration to an environment.
    pub fn apply(&self, program: &Path, environment: &str) -> Result<()> {
        let program = program.to_str().context("a path that is not UTF-8")?;
        process::output(&mut self.command(&["apply", program, "--to", environment, "--auto-approve"]))
            .map(drop)
    }

    /// Sends it a signal, e.g. `STOP`.
    pub fn signal(&self, name: &str) -> Result<()> {
        process::output(Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]))
            .map(drop)
    }

    /// Ends it as the kernel would: no warning.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        self.signal("TERM")?;
        let give_up = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "`greenroom serve` ended with {status}:\n{}", self.last_words());
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "`greenroom serve` did not stop:\n{}", self.last_words());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Greenroom {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder, and a stand-in for the binary: a shell script.
    fn stand_in(name: &str, script: &str) -> (PathBuf, PathBuf) {
        let room = std::env::temp_dir().join(format!("greenroom-{name}-{}", std::process::id()));
        fs::create_dir_all(room.join("data")).expect("a folder");
        let program = room.join("greenroom");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("may be run");
        (program, room.join("data"))
    }

    #[test]
    fn a_server_that_ends_at_once_is_quoted() {
        let (program, folder) = stand_in("ends", "echo the folder is taken >&2; exit 1");
        let error = Greenroom::start(&program, &folder).err().expect("it ends");
        assert!(format!("{error:#}").contains("the folder is taken"), "{error:#}");
    }

    #[test]
    fn readiness_is_that_of_this_process() {
        let script =
            r#"echo '{"collector":"http://127.0.0.1:1","pid":'$$'}' > "$5/serving.json"; exec sleep 60"#;
        let (program, folder) = stand_in("serves", script);
        fs::write(folder.join("serving.json"), r#"{"collector":"http://old","pid":1}"#).expect("an old file");
        let server = Greenroom::start(&program, &folder).expect("it serves");
        assert_eq!(server.collector().expect("an address"), "http://127.0.0.1:1");
        server.kill().expect("it can be killed");
    }
}
