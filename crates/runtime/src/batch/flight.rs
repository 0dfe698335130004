//! A batch on its way to the disk. The next one is decided meanwhile, as if this one had been committed, and is
//! itself committed only once that has come true: if it has not, both are decided again.

use std::sync::Arc;

use store::Commit;
use tokio::task::JoinHandle;

use super::{Hints, Output, Writes, answer, committed, job::Job, process, recover};
use crate::{Environment, Error};

/// A batch that is being committed.
pub(super) struct Flight {
    jobs: Vec<Job>,
    output: Output,
    touched: Vec<ledger::ProfileId>,
    commit: JoinHandle<store::Result<Commit>>,
    arrived: Option<store::Result<Commit>>,
}

/// The same, of a batch that is decided to its end in the commit only.
pub(super) struct Demanding(Flight, super::OutputSlot);

impl Flight {
    /// Begins to commit.
    pub(super) fn start(
        environment: &Arc<Environment>,
        jobs: Vec<Job>,
        writes: Writes,
    ) -> Result<Self, Box<Demanding>> {
        let Writes { epoch, begun, slot, touched } = writes;
        let output = if begun.is_decided() { slot.take().ok() } else { None };
        let store = Arc::clone(&environment.store);
        let commit = tokio::spawn(async move { store.commit(epoch, Box::new(begun)).await });
        let decided = output.is_some();
        let flight = Self { jobs, output: output.unwrap_or_default(), touched, commit, arrived: None };
        if decided { Ok(flight) } else { Err(Box::new(Demanding(flight, slot))) }
    }

    /// What it changes.
    pub(super) const fn output(&self) -> &Output {
        &self.output
    }

    /// Waits until the commit has ended. May be called off and called again.
    pub(super) async fn arrived(&mut self) {
        if self.arrived.is_none() {
            let ended = (&mut self.commit).await;
            self.arrived = Some(ended.unwrap_or_else(|error| Err(store::Error::Panicked(error.to_string()))));
        }
    }

    /// Waits for the commit and answers; or sees to it that the jobs are done in another way. Whether it was
    /// committed as it had been decided.
    pub(super) async fn land(mut self, environment: &Environment, hints: &Hints) -> bool {
        self.arrived().await;
        let Self { jobs, output, touched, arrived, .. } = self;
        match arrived {
            Some(Ok(Commit::Committed)) => {
                answer(jobs, committed(environment, hints, output));
                return true;
            }
            Some(Ok(Commit::Conflict)) => {
                hints.refused(&touched);
                process(environment, hints, jobs).await;
            }
            Some(Ok(Commit::EpochMoved(_))) => match environment.refresh_rules().await {
                Ok(_) => process(environment, hints, jobs).await,
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

impl Demanding {
    /// As [`Flight::land`].
    pub(super) async fn land(self, environment: &Environment, hints: &Hints) -> bool {
        let Self(mut flight, slot) = self;
        flight.arrived().await;
        if matches!(flight.arrived, Some(Ok(Commit::Committed))) {
            match slot.take() {
                Ok(output) => flight.output = output,
                Err(error) => {
                    recover(environment, hints, flight.jobs, error).await;
                    return false;
                }
            }
        }
        flight.land(environment, hints).await
    }
}
