//! Processor time, as the kernel counts it.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

use crate::greenroom::Greenroom;

/// The kernel counts CPU time in these on every Linux that Rust runs on (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// What some servers have used together since a moment.
pub(super) struct Since<'a> {
    servers: &'a [&'a Greenroom],
    before: Duration,
}

impl<'a> Since<'a> {
    pub(super) fn now(servers: &'a [&'a Greenroom]) -> Result<Self> {
        Ok(Self { servers, before: together(servers)? })
    }

    pub(super) fn used(&self) -> Result<Duration> {
        Ok(together(self.servers)?.saturating_sub(self.before))
    }
}

fn together(servers: &[&Greenroom]) -> Result<Duration> {
    servers.iter().map(|server| of(server.pid())).sum()
}

/// What a process has used, all of its threads, in user and kernel mode.
fn of(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let ticks = ticks(&text).with_context(|| format!("{path} is not as expected: {text}"))?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

fn ticks(stat: &str) -> Option<u64> {
    // The program's name stands in brackets and may hold anything; utime and stime are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel() {
        let line = "42 (a (b) c) S 1 42 42 0 -1 4194560 500 0 0 0 123 45 0 0 20 0 9 0 1000 1 1 1";
        assert_eq!(ticks(line), Some(168));
        assert_eq!(ticks("42 (a) S 1"), None);
        assert!(of(std::process::id()).is_ok());
    }
}
