//! Long work that somebody waits for: a rehearsal, a verification, a rebuild, a backup. While it runs it is listed, says how far
//! it is, and can be cancelled. It ends as well when nobody waits for it any more: the future is dropped, and
//! everything that goes on beside it (a reader's or writer's thread) looks now and then whether that has happened.
//!
//! A process knows its own work only.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{Environment, Error, Result, control::Actor};

/// How far something long is. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// There are so many records to be read.
    pub(crate) fn begin(&self, total: u64) {
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// So much is done, of so much.
    pub(crate) fn reach(&self, done: u64, total: u64) {
        self.0.done.store(done, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// So many more have been read.
    pub(crate) fn add(&self, records: usize) {
        self.0.done.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// How much is done so far, in [`Task::unit`]s.
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Of how many, as it was counted in the beginning; 0 as long as that is not known. More may have come since.
    pub fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A change is tried on recorded history.
    Rehearsal,
    /// Every decision is made again and compared.
    Verification,
    /// Every view is made again.
    Rebuild,
    /// All of it is copied.
    Backup,
}

impl Task {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rehearsal => "rehearsal",
            Self::Verification => "verification",
            Self::Rebuild => "rebuild",
            Self::Backup => "backup",
        }
    }

    /// What its progress is counted in, as a stable word.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Rehearsal | Self::Verification | Self::Rebuild => "records",
            Self::Backup => "bytes",
        }
    }
}

/// Work that is under way.
#[derive(Clone, Debug)]
pub struct Work {
    /// Names it: the id of the request that asked for it.
    pub id: String,
    /// What is done.
    pub task: Task,
    /// Who asked for it.
    pub actor: Actor,
    /// When.
    pub begun_at: Timestamp,
    /// How far it is.
    pub progress: Progress,
    cancelled: watch::Sender<bool>,
}

/// What is under way in an environment.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<Vec<Arc<Work>>>);

impl UnderWay {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<Arc<Work>>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes work off the list when it ends, however it ends.
struct Listed<'a> {
    list: &'a UnderWay,
    work: Arc<Work>,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.list.with(|list| list.retain(|work| !Arc::ptr_eq(work, &self.work)));
    }
}

impl Environment {
    /// Does something long, listed as long as it takes. `doing` tells `progress` how far it is.
    pub async fn listed<T: Send>(
        &self,
        task: Task,
        id: &str,
        actor: Actor,
        progress: &Progress,
        doing: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let (cancelled, mut told) = watch::channel(false);
        let work = Arc::new(Work {
            id: id.to_owned(),
            task,
            actor,
            begun_at: self.machine_now(),
            progress: progress.clone(),
            cancelled,
        });
        let listed = Listed { list: &self.under_way, work: Arc::clone(&work) };
        self.under_way.with(|list| list.push(work));
        tokio::select! {
            biased;
            // The sender lives as long as the list's entry, which is longer than this.
            _ = told.wait_for(|cancelled| *cancelled) => {
                let (task, id) = (listed.work.task.word(), &listed.work.id);
                tracing::info!(environment = self.name(), task, id, "cancelled");
                Err(Error::Cancelled(task))
            }
            done = doing => done,
        }
    }

    /// What is under way in this process, oldest first.
    pub fn under_way(&self) -> Vec<Work> {
        self.under_way.with(|list| list.iter().map(|work| Work::clone(work)).collect())
    }

    /// Copies all there is into a folder that is absent or empty, while it serves. Nothing of it is left when it fails, or
    /// when nobody waits for it any more.
    pub async fn backup(&self, to: &Path, progress: &Progress) -> Result<()> {
        let progress = progress.clone();
        Ok(self.store.backup_told(to, Arc::new(move |done, total| progress.reach(done, total))).await?)
    }

    /// Cancels work. It ends at the next page of records.
    pub fn cancel(&self, id: &str) -> Result<Work> {
        let found = self.under_way.with(|list| {
            let own: Vec<Arc<Work>> = list.iter().filter(|work| work.id == id).cloned().collect();
            for work in &own {
                work.cancelled.send_replace(true);
            }
            own.into_iter().next()
        });
        match found {
            Some(work) => Ok(Work::clone(&work)),
            None => Err(Error::Missing {
                what: "running work",
                name: id.to_owned(),
                environment: self.name().to_owned(),
            }),
        }
    }
}
