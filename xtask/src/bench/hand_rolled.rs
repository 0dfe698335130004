//! The baseline: PostgreSQL, one transaction an event, as a team would write it by hand.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    postgres::{Access, Cluster},
    process, workspace,
};

/// What the server is given, here and under Greenroom.
pub(super) const SETTINGS: &str = "
fsync = on
synchronous_commit = on
shared_buffers = 4GB
max_wal_size = 8GB
";

/// Transactions, and so events, a second.
pub(super) fn run(folder: &Path, seconds: u32) -> Result<f64> {
    let postgres = Cluster::start(folder, Access::Trust, &format!("{SETTINGS}listen_addresses = ''\n"))?;
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
