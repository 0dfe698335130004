//! Group commit: all batches that wait go into one transaction and share its sync.

use std::sync::mpsc;

use rusqlite::{Connection, TransactionBehavior};
use store::{Commit, Error, Result, Stream};
use tokio::sync::oneshot;

use super::{Batch, Job, Places, Writer, claims::Claims, commit, erase};
use crate::{fault, recent::Shared, tables::position::Position};

/// How a transaction of several batches ended.
struct Ended {
    /// One for each batch, in order.
    answers: Vec<Result<Commit>>,
    /// Where the store is now; `None` when nothing was written.
    position: Option<Position>,
    erased: Vec<Stream>,
}

impl Writer {
    /// Commits a batch and all that wait behind it.
    pub(super) fn commits(&mut self, first: Batch, queue: &mpsc::Receiver<Job>) {
        let mut batches = vec![first];
        while batches.len() < self.options.group_max.max(1) {
            match queue.try_recv() {
                Ok(Job::Commit(batch)) => batches.push(batch),
                Ok(other) => {
                    self.next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let mut waiting: Vec<oneshot::Sender<Result<Commit>>> = Vec::with_capacity(batches.len());
        let mut work = Vec::with_capacity(batches.len());
        for Batch { epoch, deciding, reply } in batches {
            waiting.push(reply);
            work.push((epoch, deciding));
        }
        let name = self.identity.name.clone();
        let mut places = std::mem::take(&mut self.places);
        let recent = self.recent.clone();
        let ended = match self.ready() {
            Err(error) => Err(error),
            Ok(connection) => match together(connection, work, &name, &mut places, &recent) {
                Ok(ended) => {
                    self.places = places;
                    Ok(ended)
                }
                Err(fault) => Err(self.failed(fault, "committing")),
            },
        };
        match ended {
            Ok(ended) => {
                if let Some(position) = ended.position {
                    self.committed(position);
                }
                if !ended.erased.is_empty() {
                    self.erased(&ended.erased);
                }
                for (reply, answer) in waiting.into_iter().zip(ended.answers) {
                    // Nobody may be waiting any more.
                    let _ = reply.send(answer);
                }
            }
            Err(error) => {
                for reply in waiting {
                    let _ = reply.send(Err(error.shared()));
                }
            }
        }
    }

    /// After an erasure is committed: notes it outside the data file, and empties the log of what it held.
    fn erased(&mut self, streams: &[Stream]) {
        if let Err(error) = erase::note(&self.folder.erasures(&self.identity.name), streams) {
            // Opening the store writes what is missing there.
            tracing::warn!(environment = self.identity.name, %error, "the list of erasures could not be written");
        }
        self.truncate_pending = true;
        self.truncate_log();
    }
}

/// Runs every batch, then commits them all. One alone needs no savepoint, for which every page that it changes
/// would be copied first: when it is not to be kept, neither is the transaction.
fn together(
    connection: &mut Connection,
    work: Vec<(store::Epoch, Box<dyn store::Deciding>)>,
    name: &str,
    places: &mut Places,
    recent: &Shared,
) -> fault::Result<Ended> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut position = Position::read(&transaction)?;
    let count = work.len();
    let known = recent.read();
    let mut claims = Claims::new(&known);
    let (mut answers, mut erased, mut wrote) = (Vec::with_capacity(count), Vec::new(), false);
    for (epoch, mut deciding) in work {
        if count > 1 {
            transaction.prepare_cached("SAVEPOINT batch")?.execute([])?;
        }
        let (mut after, claimed) = (position, claims.count());
        let outcome =
            match commit::run(&transaction, &mut after, epoch, deciding.as_mut(), places, &mut claims) {
                Err(fault) if fault.poisons() => return Err(fault),
                Err(fault) if transaction.is_autocommit() => {
                    *places = Places::default();
                    let answers = undone(count, answers.len(), fault.told(name, "committing"));
                    return Ok(Ended { answers, position: None, erased: Vec::new() });
                }
                outcome => outcome,
            };
        if let Ok(done) = &outcome
            && done.commit == Commit::Committed
        {
            position = after;
            wrote = true;
        } else {
            // Where it had moved profiles to is wrong now, for the next batch of this group already. That is seldom:
            // all places are forgotten.
            *places = Places::default();
            claims.back_to(claimed);
            if count > 1 {
                transaction.prepare_cached("ROLLBACK TO batch")?.execute([])?;
            }
        }
        if count > 1 {
            transaction.prepare_cached("RELEASE batch")?.execute([])?;
        }
        answers.push(match outcome {
            Ok(done) => {
                erased.extend(done.erased);
                Ok(done.commit)
            }
            Err(fault) => Err(fault.told(name, "committing")),
        });
    }
    if !wrote {
        transaction.rollback()?;
        return Ok(Ended { answers, position: None, erased });
    }
    let (claims, carried) = claims.write(&transaction)?;
    position.changes += 1;
    position.write(&transaction)?;
    transaction.commit()?;
    drop(known);
    recent.write().committed(claims, carried);
    Ok(Ended { answers, position: Some(position), erased })
}

/// The answers when `SQLite` itself has ended the transaction, as it does when it cannot read a page that one of
/// the batches needs: that one hears why, its neighbours may come again.
fn undone(count: usize, culprit: usize, error: Error) -> Vec<Result<Commit>> {
    let neighbour = format!("another batch of the same transaction failed ({error}); try again");
    let mut answers: Vec<_> = (0..count).map(|_| Err(Error::Recovering(neighbour.clone()))).collect();
    if let Some(answer) = answers.get_mut(culprit) {
        *answer = Err(error);
    }
    answers
}
