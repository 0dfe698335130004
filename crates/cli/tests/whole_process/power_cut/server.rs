//! The harness on `greenroom serve`.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::greenroom::Greenroom;

use super::{chance::Chance, disk::Unsynced, log, recorder};
use crate::place::{Sender, one_point_per_dollar, order, points, program, verified};

const CLIENTS: usize = 4;
const SERVING: Duration = Duration::from_millis(700);
const CUTS: u64 = 10;
/// Fewer acknowledged batches than this prove little.
const BATCHES_MIN: usize = 50;

/// A batch that was sent: how long the log was when it was acknowledged.
struct Sent {
    user: String,
    batch: Vec<Value>,
    acknowledged: Option<u64>,
}

/// A session of a server under the recorder, ended as a power cut would end it.
struct Session {
    watched: recorder::Watched,
    key: String,
    sent: Vec<Sent>,
}

/// Serves, takes orders from some clients (one dollar each, so one point), and dies. A restart is in it.
fn session(syncs_ignored: bool) -> Result<Session> {
    let watched = recorder::Watched::new()?;
    let serve = || {
        Greenroom::start_prepared(program(), &watched.folder, |command| {
            watched.preload(command, syncs_ignored);
        })
    };
    let server = serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let key = server.write_key("live")?;
    let mut sent = take_orders(&watched, &server, &key, "before")?;
    server.stop()?;
    let server = serve()?;
    sent.extend(take_orders(&watched, &server, &key, "after")?);
    server.kill()?;
    watched.check_complete()?;
    ensure!(sent.len() >= BATCHES_MIN, "only {} batches were acknowledged", sent.len());
    Ok(Session { watched, key, sent })
}

fn take_orders(watched: &recorder::Watched, server: &Greenroom, key: &str, part: &str) -> Result<Vec<Sent>> {
    let all = Mutex::new(Vec::new());
    let until = Instant::now() + SERVING;
    thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let all = &all;
                scope.spawn(move || -> Result<()> {
                    let sender = Sender::new(server, key)?;
                    let user = format!("{part}-{client}");
                    let mut number = 0;
                    while Instant::now() < until {
                        let count = 1 + number % 7;
                        let ids = (number..number + count).map(|n| format!("{user}-{n}"));
                        let batch = ids.map(|id| order(&id, &user, "1.00")).collect::<Result<Vec<_>>>()?;
                        number += count;
                        sender.send(&batch)?;
                        let acknowledged = Some(std::fs::metadata(&watched.log)?.len());
                        let sent = Sent { user: user.clone(), batch, acknowledged };
                        all.lock().map_err(|_| anyhow::anyhow!("a client failed"))?.push(sent);
                    }
                    Ok(())
                })
            })
            .collect();
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client failed"))??;
        }
        Ok(())
    })?;
    all.into_inner().context("a client failed")
}

impl Session {
    /// Opens what a cut left, and says what is wrong with it.
    fn fault(&self, entries: &[log::Entry], cut: u64, unsynced: Unsynced) -> Option<String> {
        self.examine(entries, cut, unsynced).err().map(|error| format!("{unsynced:?} at {cut}: {error:#}"))
    }

    fn examine(&self, entries: &[log::Entry], cut: u64, unsynced: Unsynced) -> Result<()> {
        let folder = self.watched.rebuilt(entries, cut, unsynced)?;
        let server = Greenroom::start(program(), folder)?;
        verified(&server)?;
        let mut expected: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for sent in &self.sent {
            let orders = i64::try_from(sent.batch.len())?;
            let (acknowledged, all) = expected.entry(&sent.user).or_default();
            *all += orders;
            if sent.acknowledged.is_some_and(|length| length <= cut) {
                *acknowledged += orders;
            }
        }
        for (user, (acknowledged, all)) in &expected {
            let found = points(&server, user)?.unwrap_or(0);
            ensure!(found >= *acknowledged, "{user} has {found} points of {acknowledged} acknowledged");
            ensure!(found <= *all, "{user} has {found} points of {all} orders ever sent");
        }
        // Everything again: what is there has no second effect, what was lost has its first.
        let sender = Sender::new(&server, &self.key)?;
        let all: Vec<Value> = self.sent.iter().flat_map(|sent| sent.batch.clone()).collect();
        for batch in all.chunks(1_000) {
            sender.send(batch)?;
        }
        for (user, (_, all)) in &expected {
            let found = points(&server, user)?;
            ensure!(found == Some(*all), "{user} has {found:?} points of {all} after sending all again");
        }
        verified(&server)?;
        server.kill()
    }

    /// Where cuts make sense: from the first acknowledgement on.
    fn first_acknowledged(&self) -> Result<u64> {
        self.sent.iter().filter_map(|sent| sent.acknowledged).min().context("nothing was acknowledged")
    }
}

#[test]
fn no_acknowledged_event_is_lost_or_applied_twice() -> Result<()> {
    let session = session(false)?;
    let entries = session.watched.entries()?;
    let end = entries.last().map(|entry| entry.end).context("nothing was written")?;
    let begin = session.first_acknowledged()?;
    let mut chance = Chance::new(2);
    let mut faults = Vec::new();
    for seed in 0..CUTS {
        let cut = begin + chance.next() % (end - begin);
        for unsynced in [Unsynced::Dropped, Unsynced::Some(seed), Unsynced::Torn(seed)] {
            faults.extend(session.fault(&entries, cut, unsynced));
        }
    }
    faults.extend(session.fault(&entries, end, Unsynced::Kept));
    assert_eq!(faults, Vec::<String>::new());
    Ok(())
}

/// The same server, but its syncs do not count: the harness must see acknowledged events lost.
#[test]
fn acknowledging_before_the_sync_is_caught() -> Result<()> {
    let session = session(true)?;
    let entries = session.watched.entries()?;
    let end = entries.last().map(|entry| entry.end).context("nothing was written")?;
    for unsynced in [Unsynced::Dropped, Unsynced::Some(1), Unsynced::Torn(1)] {
        ensure!(session.fault(&entries, end, unsynced).is_some(), "{unsynced:?}: nothing was found lost");
    }
    Ok(())
}
