//! This process among the others that serve the same environment.
//!
//! Each reports twice a second. It hears which others are there, whether the epoch has moved, and which duties
//! (work that one of them does for all) are its own. A change waits until every other has taken it in; whoever
//! does not report for a few seconds is not waited for, and its duties go to another. Where only one process can
//! serve an environment there is nothing of this: every duty is its own.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use store::{Beat, Heard, NodeRow};
use tokio::sync::Notify;

use crate::{Environment, Error, Result, seal};

/// Firing what is due by the clock.
pub(crate) const TIMERS: &str = "timers";
/// Bringing profiles under a new program after a change of it.
pub(crate) const RECOMPUTATION: &str = "recomputation";
const DUTIES: [&str; 2] = [RECOMPUTATION, TIMERS];

/// How often a node reports.
const EVERY: Duration = Duration::from_millis(500);
/// Who has not reported for so long is not there any more.
pub const SESSION: Duration = Duration::from_secs(5);
/// Nobody is waited for longer than this, even if they report: they may be unable to take a change in.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether the others have taken a change in.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What this process knows of the others.
pub(crate) struct Node {
    id: [u8; 16],
    name: String,
    started_at: Timestamp,
    /// Everything up to this epoch is in memory here: rules and keys.
    reached: AtomicU64,
    known: Mutex<Known>,
    /// Held while a report is under way, so that its answer is not overtaken by a later one's.
    reporting: tokio::sync::Mutex<()>,
    pub(crate) stop: Notify,
}

#[derive(Default)]
struct Known {
    nodes: Vec<NodeRow>,
    /// Own duties, and until when without another report.
    duties: BTreeMap<String, Instant>,
    /// Whether the last report came through.
    silent: bool,
    /// The environment was restored since it was opened here: it is to be opened anew.
    replaced: bool,
}

impl Node {
    /// `reached`: what has been read is not older than this epoch.
    pub(crate) fn new(name: String, started_at: Timestamp, reached: u64) -> Result<Self> {
        Ok(Self {
            id: seal::random()?,
            name,
            started_at,
            reached: AtomicU64::new(reached),
            known: Mutex::default(),
            reporting: tokio::sync::Mutex::default(),
            stop: Notify::new(),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn others(&self) -> Vec<NodeRow> {
        self.known().nodes.iter().filter(|node| node.id != self.id).cloned().collect()
    }

    /// Takes in what was heard in answer to a report that was begun at `begun`. Says what is new in the log.
    fn hear(&self, environment: &str, begun: Instant, heard: &Heard) {
        let mut known = self.known();
        if std::mem::take(&mut known.silent) {
            tracing::info!(environment, "in touch with the other nodes again");
        }
        for node in &heard.nodes {
            if node.id != self.id && !known.nodes.iter().any(|before| before.id == node.id) {
                tracing::info!(environment, node = node.name, "another node serves this environment");
            }
        }
        for before in &known.nodes {
            if !heard.nodes.iter().any(|node| node.id == before.id) {
                tracing::info!(environment, node = before.name, "a node is gone");
            }
        }
        let mine = heard.nodes.iter().find(|node| node.id == self.id);
        let duties: BTreeMap<String, Instant> =
            mine.iter().flat_map(|mine| &mine.duties).map(|duty| (duty.clone(), begun + SESSION)).collect();
        for duty in duties.keys().filter(|duty| !known.duties.contains_key(*duty)) {
            tracing::info!(environment, duty, "this node does it from now on");
        }
        for duty in known.duties.keys().filter(|duty| !duties.contains_key(*duty)) {
            tracing::info!(environment, duty, "another node does it from now on");
        }
        known.duties = duties;
        known.nodes.clone_from(&heard.nodes);
    }
}

/// Reports until the environment stops.
pub(crate) async fn run(environment: std::sync::Arc<Environment>) {
    let (name, node) = (environment.name(), &environment.node);
    while !environment.live.is_stopping() {
        let told = environment.report().await;
        if matches!(told, Err(Error::Store(store::Error::Closed(_)))) {
            node.known().replaced = true;
        }
        if let Err(error) = told
            && !std::mem::replace(&mut node.known().silent, true)
        {
            tracing::warn!(environment = name, %error, "out of touch with the other nodes");
        }
        let _ = tokio::time::timeout(EVERY, node.stop.notified()).await;
    }
    if let Some(nodes) = environment.store.nodes()
        && let Err(error) = nodes.leave(node.id).await
    {
        tracing::warn!(environment = name, %error, "the other nodes were not told of the end; they will notice");
    }
}

impl Environment {
    /// Whether another process has restored it since it was opened: nothing can be written to it from here any more.
    pub(crate) fn is_replaced(&self) -> bool {
        self.node.known().replaced
    }

    /// Whether this process is to do what only one does.
    pub(crate) fn has_duty(&self, duty: &str) -> bool {
        if self.store.nodes().is_none() {
            return true;
        }
        self.node.known().duties.get(duty).is_some_and(|until| Instant::now() < *until)
    }

    /// Whether history is being taken in, here or elsewhere.
    pub(crate) fn timers_are_held(&self) -> bool {
        self.live.timers_held.load(Ordering::Acquire) > 0
            || self.node.known().nodes.iter().any(|node| node.holds_timers && node.id != self.node.id)
    }

    /// The processes that serve this environment, as of now.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>> {
        if let Some(heard) = self.say().await? {
            return Ok(heard.nodes);
        }
        let now = self.machine_now();
        Ok(vec![NodeRow {
            id: self.node.id,
            name: self.node.name.clone(),
            started_at: self.node.started_at,
            seen_at: now,
            epoch: self.epochs.newest().epoch,
            holds_timers: self.timers_are_held(),
            duties: DUTIES.map(str::to_owned).to_vec(),
        }])
    }

    /// Refuses to have it stopped and changed underneath while other nodes serve it, by their names.
    pub(crate) async fn is_served_here_alone(&self) -> Result<()> {
        let name = self.name();
        let others: Vec<String> = match self.say().await {
            Ok(Some(heard)) => {
                heard.nodes.into_iter().filter(|node| node.id != self.node.id).map(|node| node.name).collect()
            }
            Ok(None) => return Ok(()),
            Err(error) if error.is_transient() => return Err(error),
            // What is damaged is to be replaced. The store still refuses when others are connected.
            Err(error) => {
                tracing::warn!(environment = name, %error, "it cannot be seen which other nodes serve it");
                return Ok(());
            }
        };
        if others.is_empty() {
            return Ok(());
        }
        Err(Error::Conflict(format!(
            "other nodes serve environment `{name}` as well: {}. Nothing was done, and all of them serve on. Stop those \
             nodes and try again (one that was killed counts for {} seconds more)",
            others.join(", "),
            SESSION.as_secs()
        )))
    }

    /// Reports, and hears; `None` where there is nobody else.
    async fn say(&self) -> Result<Option<Heard>> {
        let Some(nodes) = self.store.nodes() else { return Ok(None) };
        let _one_at_a_time = self.node.reporting.lock().await;
        let beat = Beat {
            id: self.node.id,
            name: self.node.name.clone(),
            started_at: self.node.started_at,
            epoch: self.node.reached.load(Ordering::Acquire),
            holds_timers: self.live.timers_held.load(Ordering::Acquire) > 0,
            duties: DUTIES.map(str::to_owned).to_vec(),
            lasts: SESSION,
        };
        let begun = Instant::now();
        let heard = nodes.beat(&beat).await?;
        let had = DUTIES.map(|duty| self.has_duty(duty));
        self.node.hear(self.name(), begun, &heard);
        if DUTIES.map(|duty| self.has_duty(duty)) != had {
            self.live.wake_timers();
        }
        Ok(Some(heard))
    }

    /// Reports, and takes in what has changed since the last time.
    async fn report(&self) -> Result<()> {
        let Some(heard) = self.say().await? else { return Ok(()) };
        if self.node.reached.load(Ordering::Acquire) < heard.epoch {
            let epoch = self.refresh_rules().await?.epoch;
            self.reload_keys().await?;
            self.node.reached.fetch_max(epoch, Ordering::AcqRel);
            self.live.wake_timers();
            // Somebody may be waiting for it.
            self.say().await?;
        }
        Ok(())
    }

    /// Waits until every other node has taken in what happened up to an epoch.
    pub(crate) async fn reach_all(&self, epoch: u64) {
        self.wait_for_others("taken a change in", |node| node.epoch >= epoch).await;
    }

    /// Waits until every other node has heard what this one says of itself.
    pub(crate) async fn be_heard(&self) {
        // Twice: a node that has just reported may not have read the answer yet, but has before its next.
        for _ in 0..2 {
            match self.say().await {
                Ok(Some(heard)) => {
                    self.wait_for_others("reported", |node| node.seen_at > heard.at).await;
                }
                Ok(None) => return,
                // It is said again twice a second.
                Err(error) => return tracing::warn!(environment = self.name(), %error, "not heard"),
            }
        }
    }

    async fn wait_for_others(&self, what: &str, done: impl Fn(&NodeRow) -> bool) {
        if self.store.nodes().is_none() {
            return;
        }
        let begun = Instant::now();
        loop {
            // Whoever is gone is not listed.
            let heard = self.say().await;
            let missing: Vec<NodeRow> = self.node.others().into_iter().filter(|node| !done(node)).collect();
            if heard.is_ok() && missing.is_empty() {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let missing: Vec<String> = missing.into_iter().map(|node| node.name).collect();
                tracing::warn!(environment = self.name(), nodes = missing.join(", "), "have not {}", what);
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Refuses an environment that somebody serves. `of` tells people of which store, if there are several.
pub(crate) async fn unserved(store: &Arc<dyn store::Environment>, of: &str) -> Result<()> {
    let there = match store.nodes() {
        Some(nodes) => nodes.there().await?,
        None => Vec::new(),
    };
    if there.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = there.into_iter().map(|node| format!("`{}`", node.name)).collect();
    Err(Error::Refused(format!(
        "environment `{}`{of} is being served, by {}: stop every server{of}, and run the same command again (a server \
         that was killed counts for {} seconds more)",
        store.identity().name,
        names.join(", "),
        SESSION.as_secs(),
    )))
}
