//! The live log of every node: what is decided here is said by whoever decides it; what the others decide is read from
//! the store while somebody listens, and only then.
//!
//! It says as much as records hold. What leaves none is told by the node that answers it and by no other: duplicates,
//! and released events that still do not fit. Nor do records hold what was accepted with a warning.

use std::{sync::Arc, time::Duration};

use engine::{Input, record};
use store::{Elsewhere, Record, Stream};
use tokio::sync::broadcast;

use crate::{
    Environment, Result,
    ingest::{Decided, ItemOutcome},
    live::LogLine,
    quarantine,
};

/// How often the store is asked while somebody listens.
const EVERY: Duration = Duration::from_millis(500);
/// Records read at once: fewer than listeners may lag behind.
const PAGE: usize = 500;

impl Environment {
    /// Listens to the live log from now on: to what is decided here, and on every other node.
    pub async fn tail(self: &Arc<Self>) -> Result<broadcast::Receiver<LogLine>> {
        let Some(nodes) = self.store.nodes() else { return Ok(self.live.listen()) };
        let mut followed = self.live.elsewhere.lock().await;
        if *followed {
            return Ok(self.live.listen());
        }
        // First this, then listening: whatever is said here from then on is known there to be of here.
        let elsewhere = nodes.elsewhere().await?;
        let lines = self.live.listen();
        *followed = true;
        tokio::spawn(follow(Arc::clone(self), elsewhere));
        Ok(lines)
    }
}

/// Says what other nodes decide, as long as anybody listens.
async fn follow(environment: Arc<Environment>, mut elsewhere: Box<dyn Elsewhere>) {
    let (name, live) = (environment.name(), &environment.live);
    let (mut full, mut silent) = (false, false);
    loop {
        if !full {
            tokio::time::sleep(EVERY).await;
        }
        let mut followed = live.elsewhere.lock().await;
        if !live.is_heard() || live.is_stopping() {
            *followed = false;
            return;
        }
        drop(followed);
        match elsewhere.next(PAGE).await {
            Ok(records) => {
                silent = false;
                full = records.len() >= PAGE;
                records.iter().filter_map(|record| told(name, record)).for_each(|line| live.say(line));
            }
            Err(error) => {
                full = false;
                if !std::mem::replace(&mut silent, true) {
                    tracing::warn!(environment = name, %error, "what other nodes decide cannot be read");
                }
            }
        }
    }
}

/// The line of a record, if it has one. Where there should be one and is none, that is only a line less: `verify` says
/// what is wrong with it.
fn told(environment: &str, record: &Record) -> Option<LogLine> {
    line(record).unwrap_or_else(|_| {
        // What does not decode may hold anything, and errors quote it.
        tracing::warn!(environment, stream = ?record.stream, n = record.n, "a record does not decode");
        None
    })
}

fn line(record: &Record) -> Result<Option<LogLine>> {
    let profile = match record.stream {
        Stream::Profile(profile) => profile,
        Stream::Quarantine(_) => return quarantine::line(record),
        Stream::Control => return Ok(None),
    };
    let opened = record::open(&record.header, record.body.as_deref())?;
    let Some(Input::Message(message, _)) = opened.input() else { return Ok(None) };
    let message = Arc::clone(message);
    let record::Recorded { n, epoch, times, decision, .. } = opened.read()?;
    Ok(Some(LogLine {
        decided_at: times.decided_at,
        kind: message.kind.as_str().to_owned(),
        event: message.event.clone(),
        message_id: Some(message.message_id.clone()),
        profile: Some(profile),
        outcome: ItemOutcome::Decided(Decided::of(profile, n, epoch, &decision, Vec::new())),
    }))
}
