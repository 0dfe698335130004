//! Greenroom under load: 1, 10 and 100 events a POST, then its memory, its disk, and how fast it verifies.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, Result};

use super::{
    cpu::Since,
    load::{self, Load},
};
use crate::{greenroom::Greenroom, workspace};

/// What was measured.
pub(super) struct Figures {
    pub(super) loads: Vec<Load>,
    pub(super) idle_bytes: u64,
    pub(super) peak_bytes: u64,
    pub(super) loaded_bytes: u64,
    pub(super) disk_bytes_per_event: f64,
    pub(super) verified: Pace,
    pub(super) rehearsed: Pace,
}

/// How fast long work went.
pub(super) struct Pace {
    pub(super) per_second: f64,
    /// By the processor time that the server used for it.
    pub(super) per_core_second: f64,
}

/// Measures long work that answers how much it was.
fn pace(server: &Greenroom, words: &[&str], counted: &str) -> Result<Pace> {
    let alone = [server];
    let (since, begin) = (Since::now(&alone)?, Instant::now());
    let answer = server.json(words)?;
    let seconds = begin.elapsed().as_secs_f64();
    let count = answer[counted].as_f64().with_context(|| format!("no `{counted}` in {answer}"))?;
    Ok(Pace { per_second: count / seconds, per_core_second: count / since.used()?.as_secs_f64() })
}

pub(super) fn run(folder: &Path, events: u64) -> Result<Figures> {
    let server = Greenroom::start(&workspace::built("release", "greenroom"), &folder.join("data"))?;
    let idle_bytes = memory(&server, "VmRSS")?;
    server.apply(&workspace::root().join("benches/program"), "live")?;
    let key = server.write_key("live")?;
    load::members(&server, &key)?;
    let before = disk_bytes(server.folder())?;
    let mut loads = Vec::new();
    let mut sent = 0;
    for way in load::ways(events) {
        println!("  {way}");
        loads.push(load::send(&server, &key, way)?);
        sent += way.events;
    }
    let (peak_bytes, loaded_bytes) = (memory(&server, "VmHWM")?, memory(&server, "VmRSS")?);
    let grown = disk_bytes(server.folder())?.saturating_sub(before);
    println!("  verify");
    let verified = pace(&server, &["verify", "--environment", "live"], "records")?;
    println!("  rehearse");
    let candidate = candidate(&folder.join("candidate"))?;
    let rehearsed = pace(&server, &["rehearse", &candidate, "--to", "live"], "events")?;
    server.stop()?;
    Ok(Figures {
        loads,
        idle_bytes,
        peak_bytes,
        loaded_bytes,
        disk_bytes_per_event: ratio(grown, sent),
        verified,
        rehearsed,
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
    use super::*;

    #[test]
    fn memory_of_the_kernel() {
        let status = "Name:\tgreenroom\nVmHWM:\t  204800 kB\nVmRSS:\t   51200 kB\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(51_200));
        assert_eq!(kibibytes(status, "VmHWM"), Some(204_800));
        assert_eq!(kibibytes(status, "VmSwap"), None);
    }
}
