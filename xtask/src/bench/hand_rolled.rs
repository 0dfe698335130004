//! The baseline: PostgreSQL, one transaction an event, as a team would write it by hand.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{process, test::setup, workspace};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

const SETTINGS: &str = "
listen_addresses = ''
fsync = on
synchronous_commit = on
shared_buffers = 4GB
max_wal_size = 8GB
";

/// A server on a folder of its own, reachable by a socket in it.
struct Postgres<'a> {
    folder: &'a Path,
    as_root: bool,
}

/// Transactions, and so events, a second.
pub(super) fn run(folder: &Path, seconds: u32) -> Result<f64> {
    if !Path::new(PROGRAMS).join("postgres").exists() {
        setup::apt(&["postgresql-15"])?;
    }
    let postgres = Postgres::start(folder)?;
    let scripts = workspace::root().join("benches/hand_rolled");
    for script in ["setup.sql", "event.sql"] {
        fs::copy(scripts.join(script), folder.join(script)).with_context(|| format!("copying {script}"))?;
    }
    let socket = folder.display().to_string();
    let script = |name: &str| folder.join(name).display().to_string();
    let (setup, event) = (script("setup.sql"), script("event.sql"));
    process::output(postgres.command("psql").args([
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        &socket,
        "-f",
        &setup,
        "postgres",
    ]))?;
    let seconds = seconds.to_string();
    let load = [
        "-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", &seconds, "-f", &event, "-h", &socket, "postgres",
    ];
    let report = process::output(postgres.command("pgbench").args(load))?;
    transactions_per_second(&report).with_context(|| format!("pgbench did not say its rate:\n{report}"))
}

impl<'a> Postgres<'a> {
    fn start(folder: &'a Path) -> Result<Self> {
        let as_root = process::output(Command::new("id").arg("-u"))?.trim() == "0";
        let postgres = Self { folder, as_root };
        if as_root {
            // PostgreSQL refuses to run as root; its Debian package brings a user.
            process::output(Command::new("chown").arg("postgres").arg(folder))?;
        }
        let data = folder.join("data").display().to_string();
        process::output(postgres.command("initdb").args(["-U", "postgres", "-A", "trust", "-D", &data]))?;
        let settings = folder.join("data/postgresql.conf");
        let mut text = fs::read_to_string(&settings).with_context(|| settings.display().to_string())?;
        text.push_str(SETTINGS);
        fs::write(&settings, text)?;
        let socket = format!("-k {}", folder.display());
        let log = folder.join("log").display().to_string();
        let started = postgres
            .command("pg_ctl")
            .args(["start", "-w", "-D", &data, "-l", &log, "-o", &socket])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        ensure!(
            started.success(),
            "PostgreSQL did not start:\n{}",
            fs::read_to_string(&log).unwrap_or_default()
        );
        Ok(postgres)
    }

    fn command(&self, program: &str) -> Command {
        let program = Path::new(PROGRAMS).join(program);
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder).env("PGUSER", "postgres");
        command
    }
}

impl Drop for Postgres<'_> {
    fn drop(&mut self) {
        let data = self.folder.join("data").display().to_string();
        if let Err(error) =
            process::output(self.command("pg_ctl").args(["stop", "-m", "immediate", "-D", &data]))
        {
            eprintln!("PostgreSQL was not stopped: {error:#}");
        }
    }
}

/// From pgbench's line `tps = 3401.2 (without initial connection time)`.
fn transactions_per_second(report: &str) -> Option<f64> {
    let line = report.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read() {
        let report = "latency average = 2.3 ms\ntps = 3401.25 (without initial connection time)\n";
        assert_eq!(transactions_per_second(report), Some(3401.25));
        assert_eq!(transactions_per_second("pgbench: error"), None);
    }
}
