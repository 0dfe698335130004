//! Greenroom under load: 1, 10 and 100 events a POST, then its memory, its disk, and how fast it verifies.

use std::{fs, path::Path, process::Command, time::Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{greenroom::Greenroom, process, workspace};

/// What was measured.
pub(super) struct Figures {
    pub(super) loads: Vec<Load>,
    pub(super) idle_bytes: u64,
    pub(super) peak_bytes: u64,
    pub(super) loaded_bytes: u64,
    pub(super) disk_bytes_per_event: f64,
    pub(super) verified_per_second: f64,
    pub(super) rehearsed_per_second: f64,
}

/// One way of sending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) per_post: u64,
    pub(super) connections: u32,
    pub(super) events_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) cpu_us_per_event: f64,
    pub(super) refused: u64,
}

/// Events a POST, connections, and the part of the events that is sent so: the slower, the fewer.
const WAYS: [(u64, u32, u64); 3] = [(100, 16, 1), (10, 64, 2), (1, 256, 8)];

pub(super) fn run(folder: &Path, events: u64) -> Result<Figures> {
    let server = Greenroom::start(&workspace::built("release", "greenroom"), &folder.join("data"))?;
    let idle_bytes = memory(&server, "VmRSS")?;
    server.apply(&workspace::root().join("benches/program"), "live")?;
    let key = server.write_key("live")?;
    load(&server, &key, &["members"])?;
    let before = disk_bytes(server.folder())?;
    let mut loads = Vec::new();
    let mut sent = 0;
    for (seed, (per_post, connections, part)) in (1..).zip(WAYS) {
        let count = (events / part).max(per_post);
        println!("  {per_post} a POST over {connections} connections, {count} events");
        let way = [count, per_post, u64::from(connections), seed].map(|number| number.to_string());
        let report = load(&server, &key, &["tracks", &way[0], &way[1], &way[2], &way[3]])?;
        loads.push(read(&report, per_post, connections)?);
        sent += count;
    }
    let (peak_bytes, loaded_bytes) = (memory(&server, "VmHWM")?, memory(&server, "VmRSS")?);
    let grown = disk_bytes(server.folder())?.saturating_sub(before);
    println!("  verify");
    let begin = Instant::now();
    let verified = server.json(&["verify", "--environment", "live"])?;
    let seconds = begin.elapsed().as_secs_f64();
    let records = verified["records"].as_f64().with_context(|| format!("no `records` in {verified}"))?;
    println!("  rehearse");
    let candidate = candidate(&folder.join("candidate"))?;
    let begin = Instant::now();
    let report = server.json(&["rehearse", &candidate, "--to", "live"])?;
    let rehearsed = report["events"].as_f64().with_context(|| format!("no `events` in {report}"))?;
    let rehearsed_per_second = rehearsed / begin.elapsed().as_secs_f64();
    server.stop()?;
    Ok(Figures {
        loads,
        idle_bytes,
        peak_bytes,
        loaded_bytes,
        disk_bytes_per_event: ratio(grown, sent),
        verified_per_second: records / seconds,
        rehearsed_per_second,
    })
}

/// The bench's program with a bonus of one point more: something to rehearse.
fn candidate(folder: &Path) -> Result<String> {
    fs::create_dir(folder).with_context(|| folder.display().to_string())?;
    let program = workspace::root().join("benches/program");
    for item in fs::read_dir(&program).with_context(|| program.display().to_string())? {
        let item = item?;
        let text = fs::read_to_string(item.path())?.replace("amount: 57", "amount: 58");
        fs::write(folder.join(item.file_name()), text)?;
    }
    Ok(folder.display().to_string())
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn ratio(bytes: u64, events: u64) -> f64 {
    bytes as f64 / events as f64
}

/// Runs the load generator: what to send first, then how.
fn load(server: &Greenroom, key: &str, way: &[&str]) -> Result<Value> {
    let host = server.collector()?.trim_start_matches("http://");
    let mut command = Command::new(workspace::built("release", "load"));
    command.arg(way[0]).args([host, key, &server.pid().to_string()]).args(&way[1..]);
    let printed = process::output(&mut command).with_context(|| server.last_words())?;
    serde_json::from_str(&printed).context("the load generator's figures")
}

fn read(report: &Value, per_post: u64, connections: u32) -> Result<Load> {
    let figure = |name: &str| report[name].as_f64().with_context(|| format!("no `{name}` in {report}"));
    Ok(Load {
        per_post,
        connections,
        events_per_second: figure("events_per_second")?,
        p50_ms: figure("p50_ms")?,
        p99_ms: figure("p99_ms")?,
        cpu_us_per_event: figure("cpu_us_per_event")?,
        refused: report["refused"].as_u64().context("no `refused`")?,
    })
}

/// `VmRSS`, what the server holds now, or `VmHWM`, the most it ever held.
fn memory(server: &Greenroom, what: &str) -> Result<u64> {
    let path = format!("/proc/{}/status", server.pid());
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    kibibytes(&status, what)
        .map(|kibibytes| kibibytes * 1024)
        .with_context(|| format!("{path} has no {what}"))
}

fn kibibytes(status: &str, what: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn disk_bytes(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for item in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let item = item?;
        let kind = item.metadata()?;
        sum += if kind.is_dir() { disk_bytes(&item.path())? } else { kind.len() };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn memory_of_the_kernel() {
        let status = "Name:\tgreenroom\nVmHWM:\t  204800 kB\nVmRSS:\t   51200 kB\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(51_200));
        assert_eq!(kibibytes(status, "VmHWM"), Some(204_800));
        assert_eq!(kibibytes(status, "VmSwap"), None);
    }

    #[test]
    fn a_report_without_a_figure_is_an_error() {
        let report = json!({ "events_per_second": 1.0, "p50_ms": 1.0, "p99_ms": 2.0, "cpu_us_per_event": 3.0, "refused": 0 });
        assert!(read(&report, 1, 256).is_ok());
        assert!(read(&json!({ "events_per_second": 1.0 }), 1, 256).is_err());
    }
}
