//! The writer: one thread that owns the only writing connection of an environment.
//!
//! Batches that wait are committed together: several each in a savepoint of its own, so that a conflict of one
//! does not hurt another, all in one transaction with one sync, acknowledged after it. Because everything that
//! writes goes through here in order, a control change is alone when it runs: no batch is in flight.
//!
//! A failed write or sync leaves the connection in doubt: it is dropped and nothing is acknowledged until
//! another has been opened and found to hold all that was acknowledged before.

mod checkpoints;
mod claims;
mod commit;
mod control;
pub(crate) mod erase;
mod group;
pub(crate) mod making;
mod places;
mod rebuild;
mod recovery;

use std::{
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::{Connection, TransactionBehavior};
use store::{Commit, ControlWrites, Deciding, Epoch, Error, Identity, OutsideChange, Refill, Result};
use tokio::sync::oneshot;

use self::{checkpoints::Checkpoints, places::Places, recovery::Broken};
use crate::{
    Options,
    anchor::Anchor,
    fault::{self, Fault},
    folder::Folder,
    recent::{Recent, Shared},
    tables::{outside, position::Position},
};

/// How long to wait at least before trying again what could not be done.
const PAUSE: Duration = Duration::from_millis(5);

/// A batch that waits to be committed.
pub(crate) struct Batch {
    pub(crate) epoch: Epoch,
    pub(crate) deciding: Box<dyn Deciding>,
    pub(crate) reply: oneshot::Sender<Result<Commit>>,
}

/// What the writer is asked to do.
pub(crate) enum Job {
    Commit(Batch),
    Control(Epoch, Box<ControlWrites>, oneshot::Sender<Result<Commit>>),
    Outside(OutsideChange, oneshot::Sender<Result<()>>),
    /// Whether it could write now; opens again what was given up, if it is time.
    Ready(oneshot::Sender<Result<()>>),
    Rebuild(Box<dyn Refill>, oneshot::Sender<Result<()>>),
    Work(&'static str, Work, oneshot::Sender<Result<()>>),
    Stop,
}

/// Something that is done alone, in a transaction of its own.
pub(crate) type Work = Box<dyn FnOnce(&Connection, &mut Position) -> fault::Result<()> + Send>;

/// The thread's state.
pub(crate) struct Writer {
    identity: Identity,
    folder: Arc<Folder>,
    options: Options,
    connection: Option<Connection>,
    broken: Option<Broken>,
    places: Places,
    recent: Shared,
    checkpoints: Checkpoints,
    /// As of the last acknowledged transaction.
    position: Position,
    anchor: Anchor,
    anchored: Instant,
    anchor_behind: bool,
    /// An erasure is committed, but a reader kept the log from being truncated.
    truncate_pending: bool,
    /// Taken from the queue, to be done next.
    next: Option<Job>,
}

impl Writer {
    /// Starts the thread. `connection` has been opened and checked.
    pub(crate) fn start(
        identity: Identity,
        folder: Arc<Folder>,
        options: Options,
        connection: Connection,
        recent: Shared,
        position: Position,
        anchor: Anchor,
    ) -> Result<(mpsc::Sender<Job>, JoinHandle<()>)> {
        let (send, receive) = mpsc::channel();
        let checkpoints = Checkpoints::start(&identity.name, folder.store(&identity.name), options.clone())?;
        let name = format!("write-{}", identity.name);
        let writer = Self {
            identity,
            folder,
            options,
            connection: Some(connection),
            broken: None,
            places: Places::default(),
            recent,
            checkpoints,
            position,
            anchor,
            anchored: Instant::now(),
            anchor_behind: true,
            truncate_pending: false,
            next: None,
        };
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || writer.run(&receive))
            .map_err(|e| Error::Backend { doing: "starting a writer".to_owned(), source: Box::new(e) })?;
        Ok((send, thread))
    }

    fn run(mut self, queue: &mpsc::Receiver<Job>) {
        loop {
            match self.take(queue) {
                Some(Job::Commit(batch)) => self.commits(batch, queue),
                Some(Job::Control(epoch, writes, reply)) => {
                    let answer = self.control(epoch, &writes);
                    // Here and below: nobody may be waiting any more.
                    let _ = reply.send(answer);
                }
                Some(Job::Outside(change, reply)) => {
                    let answer = self.outside(&change);
                    let _ = reply.send(answer);
                }
                Some(Job::Ready(reply)) => {
                    let answer = self.ready().map(drop);
                    let _ = reply.send(answer);
                }
                Some(Job::Rebuild(refill, reply)) => {
                    let answer = self.rebuild(refill);
                    let _ = reply.send(answer);
                }
                Some(Job::Work(doing, work, reply)) => {
                    let answer =
                        self.transact(doing, |connection, position| Ok((true, work(connection, position)?)));
                    let _ = reply.send(answer);
                }
                Some(Job::Stop) => break,
                None => {}
            }
            self.tidy_up();
        }
        self.finish();
    }

    /// The next job; `None` when there is something else to do first.
    fn take(&mut self, queue: &mpsc::Receiver<Job>) -> Option<Job> {
        if let Some(job) = self.next.take() {
            return Some(job);
        }
        if !self.anchor_behind && !self.truncate_pending {
            return Some(queue.recv().unwrap_or(Job::Stop));
        }
        let wait = self.options.anchor_every.saturating_sub(self.anchored.elapsed()).max(PAUSE);
        match queue.recv_timeout(wait) {
            Ok(job) => Some(job),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => Some(Job::Stop),
        }
    }

    /// Runs one transaction. `work` says whether it is to be kept.
    fn transact<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&Connection, &mut Position) -> fault::Result<(bool, T)>,
    ) -> Result<T> {
        let connection = self.ready()?;
        let outcome = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut position = Position::read(&transaction)?;
            let (keep, value) = work(&transaction, &mut position)?;
            if !keep {
                transaction.rollback()?;
                return Ok((None, value));
            }
            position.changes += 1;
            position.write(&transaction)?;
            transaction.commit()?;
            Ok((Some(position), value))
        })();
        match outcome {
            Ok((position, value)) => {
                if let Some(position) = position {
                    self.committed(position);
                }
                Ok(value)
            }
            Err(fault) => Err(self.failed(fault, doing)),
        }
    }

    /// Notes that a transaction is on disk.
    fn committed(&mut self, position: Position) {
        self.position = position;
        self.anchor_behind = true;
        self.broken = None;
    }

    /// Turns a failure into an answer, and gives the connection up if it is in doubt.
    fn failed(&mut self, fault: Fault, doing: &str) -> Error {
        if fault.poisons() { self.poison(fault, doing) } else { fault.told(&self.identity.name, doing) }
    }

    fn control(&mut self, epoch: Epoch, writes: &ControlWrites) -> Result<Commit> {
        self.transact("writing a control change", |connection, position| {
            let commit = control::run(connection, position, epoch, writes)?;
            Ok((commit == Commit::Committed, commit))
        })
    }

    fn outside(&mut self, change: &OutsideChange) -> Result<()> {
        self.transact("writing outside state", |connection, _| {
            outside::change(connection, change)?;
            Ok((true, ()))
        })
    }

    fn rebuild(&mut self, refill: Box<dyn Refill>) -> Result<()> {
        self.places = Places::default();
        self.transact("rebuilding the views", |connection, _| {
            rebuild::run(connection, refill)?;
            Ok((true, ()))
        })?;
        // All of it stands in the directory now.
        let gathered = self.options.keys_gathered;
        *self.recent.write() =
            Recent::load(self.ready()?, gathered).map_err(|fault| self.failed(fault, "rebuilding"))?;
        self.truncate_pending = true;
        Ok(())
    }

    /// What can wait until jobs have been answered.
    fn tidy_up(&mut self) {
        if let Some(connection) = &self.connection {
            self.checkpoints.committed(connection);
        }
        if self.truncate_pending {
            self.truncate_log();
        }
        if self.anchor_behind && self.anchored.elapsed() >= self.options.anchor_every {
            self.write_anchor();
        }
    }

    /// Carries the log over into the data file and empties it.
    fn truncate_log(&mut self) {
        let Some(connection) = &self.connection else { return };
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        match busy {
            Ok(0) => self.truncate_pending = false,
            Ok(_) => {
                tracing::debug!(environment = self.identity.name, "a reader keeps the log; trying again");
            }
            Err(error) => {
                tracing::warn!(environment = self.identity.name, %error, "the log could not be emptied");
            }
        }
    }

    fn write_anchor(&mut self) {
        self.anchored = Instant::now();
        let Some(connection) = &self.connection else { return };
        match self.anchor.write(connection, &self.identity, self.position) {
            Ok(()) => self.anchor_behind = false,
            Err(error) => {
                tracing::warn!(environment = self.identity.name, %error, "the anchor could not be written");
            }
        }
    }

    fn finish(mut self) {
        self.checkpoints.stop();
        self.truncate_log();
        if self.anchor_behind {
            self.write_anchor();
        }
    }
}
