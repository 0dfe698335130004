//! The live log and the numbers: what an environment is doing right now.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use ledger::ProfileId;
use serde::Serialize;
use tokio::sync::{Notify, broadcast};

use crate::ingest::ItemOutcome;

/// A line of the live log.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// When it was decided.
    pub decided_at: Timestamp,
    /// `track`, `identify`, `timer`, …
    pub kind: String,
    /// The event's name.
    pub event: Option<String>,
    /// The message id.
    pub message_id: Option<String>,
    /// Whose.
    pub profile: Option<ProfileId>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: ItemOutcome,
}

/// Events of a batch: by outcome word, by type.
#[derive(Default)]
pub(crate) struct Counted(BTreeMap<&'static str, BTreeMap<String, u64>>);

impl Counted {
    /// One more.
    pub(crate) fn add(&mut self, word: &'static str, event: &str) {
        let events = self.0.entry(word).or_default();
        match events.get_mut(event) {
            Some(n) => *n += 1,
            None => drop(events.insert(event.to_owned(), 1)),
        }
    }

    /// One less: it came to something else in the end.
    pub(crate) fn take_back(&mut self, word: &'static str, event: &str) {
        if let Some(n) = self.0.get_mut(word).and_then(|events| events.get_mut(event)) {
            *n = n.saturating_sub(1);
        }
    }
}

/// Listeners that lag behind more lines than this lose the oldest.
const LOG_LINES_MAX: usize = 1_024;

/// What is watched from outside.
pub struct Live {
    log: broadcast::Sender<LogLine>,
    /// Whether what other nodes decide is put into the log.
    pub(crate) elsewhere: tokio::sync::Mutex<bool>,
    counts: Mutex<BTreeMap<(String, &'static str), u64>>,
    /// Batches committed.
    pub batches: AtomicU64,
    /// Profiles that the sweep after a promotion still has to visit; 0 when it is done.
    pub sweep_left: AtomicU64,
    /// When it is tried again, where the last could not be brought there; in milliseconds since 1970.
    pub(crate) sweep_again_at: AtomicI64,
    pub(crate) timers_changed: Notify,
    pub(crate) timers_held: AtomicU64,
    stopping: AtomicBool,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            log: broadcast::channel(LOG_LINES_MAX).0,
            elsewhere: tokio::sync::Mutex::default(),
            counts: Mutex::default(),
            batches: AtomicU64::new(0),
            sweep_left: AtomicU64::new(0),
            sweep_again_at: AtomicI64::new(i64::MIN),
            timers_changed: Notify::new(),
            timers_held: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }
    }
}

impl Live {
    /// Listens from now on to what is decided here.
    pub(crate) fn listen(&self) -> broadcast::Receiver<LogLine> {
        self.log.subscribe()
    }

    /// Whether anybody listens: building lines costs something.
    pub(crate) fn is_heard(&self) -> bool {
        self.log.receiver_count() > 0
    }

    pub(crate) fn say(&self, line: LogLine) {
        // Nobody listening is no error.
        let _ = self.log.send(line);
    }

    /// Counts events by (type, outcome word).
    pub(crate) fn count(&self, counted: Counted) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (word, events) in counted.0 {
            for (event, n) in events {
                *counts.entry((event, word)).or_default() += n;
            }
        }
    }

    /// Events since the start by (type, outcome word: `decided`, `duplicate`, `quarantined`).
    pub fn counts(&self) -> BTreeMap<(String, &'static str), u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn wake_timers(&self) {
        self.timers_changed.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.timers_changed.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
