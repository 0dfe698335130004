//! Ways of sending events to servers, and what each gave.

use std::{
    fmt,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cpu::Since;
use crate::{greenroom::Greenroom, process, workspace};

/// A way of sending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) events: u64,
    pub(super) per_post: u64,
    pub(super) connections: u32,
    /// Other events for another seed.
    seed: u64,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, per_post, connections, .. } = self;
        write!(f, "{per_post} a POST over {connections} connections, {events} events")
    }
}

/// Events a POST, connections, and the part of the events that is sent so: the slower, the fewer.
const WAYS: [(u64, u32, u64); 3] = [(100, 16, 1), (10, 64, 2), (1, 256, 8)];

/// A hundred a POST, ten, and one.
pub(super) fn ways(events: u64) -> impl Iterator<Item = Way> {
    (1..).zip(WAYS).map(move |(seed, (per_post, connections, part))| {
        let events = (events / part).max(per_post);
        Way { events, per_post, connections, seed }
    })
}

/// What a way of sending gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Load {
    pub(super) per_post: u64,
    pub(super) connections: u32,
    pub(super) events_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) cpu_us_per_event: f64,
    pub(super) refused: u64,
}

/// Makes all members known.
pub(super) fn members(server: &Greenroom, key: &str) -> Result<()> {
    let printed = process::output(&mut command(server, key, "members", &[])?);
    printed.map(drop).with_context(|| server.last_words())
}

/// Sends to one server.
pub(super) fn send(server: &Greenroom, key: &str, way: Way) -> Result<Load> {
    let alone = [server];
    let since = Since::now(&alone)?;
    let printed = process::output(&mut tracks(server, key, way)?).with_context(|| server.last_words())?;
    let (mut load, events) = read(&printed, way.per_post, way.connections)?;
    load.cpu_us_per_event = since.used()?.as_secs_f64() * 1e6 / events;
    Ok(load)
}

/// Sends to several servers at once, to each its part over its part of the connections. Rates are added up,
/// times are those of the slowest.
pub(super) fn send_to_all(servers: &[&Greenroom], key: &str, way: Way) -> Result<Load> {
    let many = u32::try_from(servers.len()).context("too many servers")?;
    let part = Way { events: way.events / u64::from(many), connections: way.connections / many, ..way };
    let since = Since::now(servers)?;
    let mut running = Vec::new();
    for (no, server) in (0..).zip(servers) {
        // Messages of their own: a seed decides them.
        let mut command = tracks(server, key, Way { seed: way.seed + 100 * (no + 1), ..part })?;
        running.push(Sending(command.stdout(Stdio::piped()).spawn().context("starting the load generator")?));
    }
    let mut all = Load { connections: way.connections, ..Load::default() };
    let mut sent = 0.0;
    for mut sending in running {
        let (load, events) = read(&sending.printed()?, way.per_post, part.connections)?;
        sent += events;
        all.per_post = load.per_post;
        all.events_per_second += load.events_per_second;
        all.p50_ms = all.p50_ms.max(load.p50_ms);
        all.p99_ms = all.p99_ms.max(load.p99_ms);
        all.refused += load.refused;
    }
    all.cpu_us_per_event = since.used()?.as_secs_f64() * 1e6 / sent;
    Ok(all)
}

/// A load generator that runs; ended when this is dropped.
struct Sending(Child);

impl Sending {
    fn printed(&mut self) -> Result<String> {
        let printed = std::io::read_to_string(self.0.stdout.take().context("no output")?)?;
        ensure!(self.0.wait()?.success(), "the load generator failed");
        Ok(printed)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // It has ended already, unless something went wrong before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tracks(server: &Greenroom, key: &str, way: Way) -> Result<Command> {
    let way = [way.events, way.per_post, u64::from(way.connections), way.seed];
    command(server, key, "tracks", &way.map(|number| number.to_string()))
}

/// The load generator: what to send first, then how.
fn command(server: &Greenroom, key: &str, what: &str, how: &[String]) -> Result<Command> {
    let host = server.collector()?.trim_start_matches("http://");
    let mut command = Command::new(workspace::built("release", "load"));
    command.arg(what).args([host, key]).args(how);
    Ok(command)
}

/// What it printed, and how many events it sent.
fn read(printed: &str, per_post: u64, connections: u32) -> Result<(Load, f64)> {
    let report: Value = serde_json::from_str(printed).context("the load generator's figures")?;
    let figure = |name: &str| report[name].as_f64().with_context(|| format!("no `{name}` in {report}"));
    let load = Load {
        per_post,
        connections,
        events_per_second: figure("events_per_second")?,
        p50_ms: figure("p50_ms")?,
        p99_ms: figure("p99_ms")?,
        refused: report["refused"].as_u64().context("no `refused`")?,
        ..Load::default()
    };
    Ok((load, figure("events")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_a_figure_is_an_error() {
        let report = r#"{"events_per_second": 1.0, "p50_ms": 1.0, "p99_ms": 2.0, "events": 3, "refused": 0}"#;
        assert!(read(report, 1, 256).is_ok());
        assert!(read(r#"{"events_per_second": 1.0}"#, 1, 256).is_err());
    }

    #[test]
    fn the_slower_the_fewer() {
        let events: Vec<u64> = ways(1_000).map(|way| way.events).collect();
        assert_eq!(events, [1_000, 500, 125]);
        assert_eq!(ways(10).next().map(|way| way.events), Some(100), "one POST at least");
    }
}
