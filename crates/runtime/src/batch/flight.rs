//! Batches on their way to the disk. The next one is decided meanwhile, as if they had been committed, and is itself
//! committed only once that has come true: if it has not, all of them are decided again. What was decided again inside
//! a transaction has come true as far as followers go: it has taken hold of the same profiles and directory keys, and
//! where a profile is another than they were decided from, they are told so in their own.

use std::{collections::VecDeque, sync::Arc};

use engine::Profile;
use ledger::ProfileId;
use store::{Commit, DirectoryEntry, DirectoryKey};
use tokio::{sync::watch, task::JoinHandle};

use super::{Hints, Output, OutputSlot, Writes, answer, committed, job::Job, process, recover};
use crate::{Environment, Error};

/// How many batches are on their way at most: one that is being written, and one that is ready when the writer is.
const FLIGHTS_MAX: usize = 2;

/// Batches being committed, in their order.
#[derive(Default)]
pub(super) struct Flights(VecDeque<Flight>);

/// A batch that is being committed.
struct Flight {
    jobs: Vec<Job>,
    output: Output,
    /// Where it is left what was decided again in the transaction.
    slot: OutputSlot,
    touched: Vec<ProfileId>,
    commit: JoinHandle<store::Result<Commit>>,
    /// Whether it was committed, once that is known.
    came_true: watch::Receiver<Option<bool>>,
    arrived: Option<store::Result<Commit>>,
}

/// What batches on their way change, the latest first.
#[derive(Default)]
pub(super) struct Ahead<'a>(Vec<&'a Output>);

impl Ahead<'_> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where a key leads (or nowhere), if they change it.
    pub(super) fn directory(&self, key: &DirectoryKey) -> Option<&Option<DirectoryEntry>> {
        self.0.iter().find_map(|output| output.directory.get(key))
    }

    /// A profile, if they change it.
    pub(super) fn profile(&self, id: ProfileId) -> Option<Arc<Profile>> {
        self.0.iter().find_map(|output| output.profiles.get(&id).cloned())
    }
}

impl Flights {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they change.
    pub(super) fn ahead(&self) -> Ahead<'_> {
        Ahead(self.0.iter().rev().map(|flight| &flight.output).collect())
    }

    /// Begins to commit a batch that has been decided to its end.
    pub(super) fn start(&mut self, environment: &Arc<Environment>, jobs: Vec<Job>, writes: Writes) {
        let Writes { epoch, begun, slot, touched } = writes;
        // It is there: the batch has been decided.
        let output = slot.take().unwrap_or_default();
        let store = Arc::clone(&environment.store);
        let ahead = self.0.back().map(|flight| flight.came_true.clone());
        let (tell, came_true) = watch::channel(None);
        let commit = tokio::spawn(async move {
            if let Some(mut ahead) = ahead {
                // Its sender goes without a word when its task panics.
                let told = ahead.wait_for(Option::is_some).await.map(|told| *told);
                if told.ok().flatten() != Some(true) {
                    tell.send_replace(Some(false));
                    return Ok(Commit::Conflict);
                }
            }
            let ended = store.commit(epoch, Box::new(begun)).await;
            tell.send_replace(Some(matches!(ended, Ok(Commit::Committed))));
            ended
        });
        self.0.push_back(Flight { jobs, output, slot, touched, commit, came_true, arrived: None });
    }

    /// Waits until the first commit has ended. May be called off and called again.
    pub(super) async fn arrived(&mut self) {
        if let Some(first) = self.0.front_mut() {
            first.arrived().await;
        }
    }

    /// Waits until another can be started; whether all that have landed were committed as they had been decided.
    pub(super) async fn make_room(&mut self, environment: &Environment, hints: &Hints) -> bool {
        while self.0.len() >= FLIGHTS_MAX {
            if !self.land_first(environment, hints).await {
                return false;
            }
        }
        true
    }

    /// Lands all; whether they were committed as they had been decided.
    pub(super) async fn land(&mut self, environment: &Environment, hints: &Hints) -> bool {
        let mut landed = true;
        while !self.0.is_empty() {
            landed &= self.land_first(environment, hints).await;
        }
        landed
    }

    /// Waits for the first commit and answers; or sees to it that the jobs are done in another way, and those of all
    /// behind it. Whether it was committed as it had been decided.
    pub(super) async fn land_first(&mut self, environment: &Environment, hints: &Hints) -> bool {
        let Some(first) = self.0.pop_front() else { return true };
        let landed = first.land(environment, hints).await;
        while !landed && let Some(next) = self.0.pop_front() {
            next.land(environment, hints).await;
        }
        landed
    }
}

impl Flight {
    async fn arrived(&mut self) {
        if self.arrived.is_none() {
            let ended = (&mut self.commit).await;
            self.arrived = Some(ended.unwrap_or_else(|error| Err(store::Error::Panicked(error.to_string()))));
        }
    }

    async fn land(mut self, environment: &Environment, hints: &Hints) -> bool {
        self.arrived().await;
        let Self { jobs, mut output, slot, touched, arrived, .. } = self;
        match arrived {
            Some(Ok(Commit::Committed)) => {
                slot.settle(&mut output);
                answer(jobs, committed(environment, hints, output));
                return true;
            }
            Some(Ok(Commit::Conflict)) => {
                hints.overtaken();
                process(environment, hints, jobs, None).await;
            }
            Some(Ok(Commit::EpochMoved(_))) => match environment.refresh_rules().await {
                Ok(_) => process(environment, hints, jobs, None).await,
                Err(error) => recover(environment, hints, jobs, error).await,
            },
            Some(Err(error)) => {
                hints.refused(&touched);
                recover(environment, hints, jobs, error.into()).await;
            }
            None => {
                let error = Error::Internal("a commit ended without an answer".into());
                recover(environment, hints, jobs, error).await;
            }
        }
        false
    }
}
