//! Batches: from the queue to one commit, and the answers after it.
//!
//! One task per environment takes what is waiting, loads what it names, decides it in order, and commits it
//! in one step; while that is being written, the next ones are decided on top of it ([`flight`]). Nothing is
//! answered before the commit is durable. Where another node has changed some of the profiles meanwhile, what rests on
//! those is decided again inside the transaction ([`deciding`]); when the epoch moved, or that does not do, the whole
//! batch is, from the start. Deciding is pure, so nothing is lost by it.

mod deciding;
mod flight;
mod hints;
mod item;
mod items;
mod job;
mod load;
mod orders;
mod scratch;
mod unwritten;

use std::sync::{Arc, atomic::Ordering};

use ledger::ProfileId;
use store::{Commit, Deciding, Granted, ProfileRow, Step, Writes as Rows};

use crate::{
    Environment, Error, Result,
    ingest::ItemOutcome,
    intake::{Held, Queue, Work},
};

pub(crate) use item::Item;
pub(crate) use load::{history, history_from, records};

use deciding::{BatchDeciding, Output, OutputSlot, Progress};
use flight::{Ahead, Flights};
use hints::Hints;
use job::Job;

/// Batches this small are not divided.
const BATCH_ITEMS_MIN: usize = 64;

/// How often a batch that is being put together lets others in.
const ROUNDS_MAX: usize = 8;

/// How often a batch is decided again before its callers are told to come back.
const ATTEMPTS_MAX: usize = 20;

/// Runs until the queue is closed and empty.
pub(crate) async fn run(environment: Arc<Environment>, mut queue: Queue) {
    let hints = Hints::new(environment.options.profiles_cached_max);
    let mut flights = Flights::default();
    let mut kept = None;
    while let Some(jobs) = next(&environment, &hints, &mut queue, &mut kept, &mut flights).await {
        match draft(&environment, &hints, &jobs, &flights.ahead()).await {
            Ok(Some(Draft::Writes(draft))) if draft.begun.is_decided() => {
                if flights.make_room(&environment, &hints).await {
                    flights.start(&environment, jobs, *draft);
                } else {
                    process(&environment, &hints, jobs, None).await;
                }
            }
            // What it demands is only granted in the commit: nothing can be decided on top of it yet.
            Ok(Some(Draft::Writes(draft))) => {
                let draft = flights.land(&environment, &hints).await.then_some(*draft);
                process(&environment, &hints, jobs, draft).await;
            }
            // What it was decided on has come true.
            Ok(Some(Draft::Done(output))) if flights.land(&environment, &hints).await => {
                answer(jobs, done(&environment, *output));
            }
            // What it reads is only there when all ahead of it is.
            _ => {
                flights.land(&environment, &hints).await;
                process(&environment, &hints, jobs, None).await;
            }
        }
    }
    flights.land(&environment, &hints).await;
}

/// The next jobs. Sees meanwhile to batches that are being committed. `None` when the queue is closed.
async fn next(
    environment: &Environment,
    hints: &Hints,
    queue: &mut Queue,
    kept: &mut Option<(Work, Held)>,
    flights: &mut Flights,
) -> Option<Vec<Job>> {
    let (work, held) = loop {
        if let Some(first) = kept.take() {
            break first;
        }
        if flights.is_empty() {
            break queue.recv().await?;
        }
        tokio::select! {
            biased;
            work = queue.recv() => break work?,
            () = flights.arrived() => {}
        }
        flights.land_first(environment, hints).await;
    };
    let mut size = work.size();
    if goes_alone(environment, &work) {
        return Some(vec![Job::new(work, held)]);
    }
    let mut jobs = vec![Job::new(work, held)];
    'rounds: for round in 0..ROUNDS_MAX {
        // Half of all that is unanswered: deciding one half and writing the other take about as long.
        let half = environment.intake.waiting() / 2;
        let enough = half.max(BATCH_ITEMS_MIN).min(environment.options.batch_items_max);
        let before = size;
        while size < enough {
            let Ok((work, held)) = queue.try_recv() else { break };
            if goes_alone(environment, &work) {
                *kept = Some((work, held));
                break 'rounds;
            }
            size += work.size();
            jobs.push(Job::new(work, held));
        }
        if size >= enough || (round > 0 && size == before) {
            break;
        }
        // A batch costs much by itself. Requests that are being read at this moment are let in first; when there are
        // none this takes no time.
        tokio::task::yield_now().await;
    }
    Some(jobs)
}

/// Whether a piece of work has a commit of its own: it was put together so that this stays in one part of a distributed
/// store, and messages write keys into all of it.
fn goes_alone(environment: &Environment, work: &Work) -> bool {
    let Work::Wake { profiles, .. } = work else { return false };
    profiles.first().is_some_and(|(profile, _)| environment.store.part(*profile).is_some())
}

/// Commits jobs and answers them; begins with what has been `drafted` of them.
async fn process(environment: &Environment, hints: &Hints, jobs: Vec<Job>, drafted: Option<Writes>) {
    match attempt(environment, hints, &jobs, drafted).await {
        Ok(answers) => answer(jobs, answers),
        Err(error) => recover(environment, hints, jobs, error).await,
    }
}

/// What to do with jobs whose batch could not be committed.
async fn recover(environment: &Environment, hints: &Hints, jobs: Vec<Job>, error: Error) {
    // One bad row must not take its neighbours along, nor one that is always overtaken: each job on its own.
    if jobs.len() > 1 && (matches!(error, Error::Overtaken) || !error.is_transient()) {
        tracing::warn!(environment = environment.name(), %error, "batch failed; trying its parts alone");
        for job in jobs {
            match attempt(environment, hints, std::slice::from_ref(&job), None).await {
                Ok(answers) => answer(vec![job], answers),
                Err(error) => fail(environment, job, error),
            }
        }
        return;
    }
    // Each caller is owed an answer; the first gets the error itself, the rest what it shares.
    let rest: Vec<Error> = jobs.iter().skip(1).map(|_| shared(&error)).collect();
    for (job, error) in jobs.into_iter().zip(std::iter::once(error).chain(rest)) {
        fail(environment, job, error);
    }
}

/// The same error for another caller: with the same code, so that all know whether to come again.
fn shared(error: &Error) -> Error {
    match error {
        Error::Store(cause) if error.is_transient() => Error::Store(cause.shared()),
        Error::Overtaken => Error::Overtaken,
        other => Error::Internal(other.to_string()),
    }
}

fn fail(environment: &Environment, job: Job, error: Error) {
    tracing::error!(environment = environment.name(), %error, "work could not be committed");
    job.fail(error);
}

/// What a job came to, before it is answered.
pub(crate) enum Answer {
    Items(Vec<ItemOutcome>),
    Order(Result<crate::command::Ordered>),
    Woken,
}

fn answer(jobs: Vec<Job>, answers: Vec<Answer>) {
    for (job, answer) in jobs.into_iter().zip(answers) {
        job.answer(answer);
    }
}

/// A batch, decided as far as it can be before it is committed.
enum Draft {
    /// There is nothing to write: all of it has been done before.
    Done(Box<Output>),
    /// This is to be written.
    Writes(Box<Writes>),
}

struct Writes {
    epoch: u64,
    begun: Begun,
    slot: OutputSlot,
    /// The profiles it was decided from.
    touched: Vec<ProfileId>,
}

/// Decides jobs, on top of what is `ahead`. `None` when that has to be in the store first.
async fn draft(
    environment: &Environment,
    hints: &Hints,
    jobs: &[Job],
    ahead: &Ahead<'_>,
) -> Result<Option<Draft>> {
    let rules = environment.rules();
    let Some(loaded) = load::load(environment, hints, &rules, jobs, ahead).await? else { return Ok(None) };
    let touched = loaded.profiles.keys().copied().collect();
    let (mut deciding, slot) = BatchDeciding::new(environment, Arc::clone(&rules), jobs, loaded)?;
    let next = match deciding.go_on(&[]) {
        Progress::Decided(unwritten) if unwritten.is_empty() => {
            return Ok(Some(Draft::Done(Box::new(slot.take()?))));
        }
        progress => Some(progress),
    };
    let begun = Begun { next, deciding: Box::new(deciding) };
    Ok(Some(Draft::Writes(Box::new(Writes { epoch: rules.epoch, begun, slot, touched }))))
}

/// Decides and commits jobs, again where the ground moved.
async fn attempt(
    environment: &Environment,
    hints: &Hints,
    jobs: &[Job],
    mut drafted: Option<Writes>,
) -> Result<Vec<Answer>> {
    for _ in 0..ATTEMPTS_MAX {
        let Writes { epoch, begun, slot, touched } = match drafted.take() {
            Some(drafted) => drafted,
            None => match draft(environment, hints, jobs, &Ahead::default()).await? {
                Some(Draft::Writes(writes)) => *writes,
                Some(Draft::Done(output)) => return Ok(done(environment, *output)),
                None => {
                    let what = "a batch waits for what is ahead of it, and nothing is";
                    return Err(Error::Internal(what.into()));
                }
            },
        };
        match environment.store.commit(epoch, Box::new(begun)).await {
            Ok(Commit::Committed) => return Ok(committed(environment, hints, slot.take()?)),
            Ok(Commit::EpochMoved(_)) => drop(environment.refresh_rules().await?),
            Ok(Commit::Conflict) => hints.overtaken(),
            Err(error) => {
                hints.refused(&touched);
                return Err(error.into());
            }
        }
    }
    Err(Error::Overtaken)
}

/// What follows a commit; gives the answers.
fn committed(environment: &Environment, hints: &Hints, output: Output) -> Vec<Answer> {
    environment.live.batches.fetch_add(1, Ordering::Relaxed);
    hints.committed(&output);
    report(environment, output.counted, output.lines);
    if output.due_changed {
        environment.live.wake_timers();
    }
    output.answers
}

/// What follows where there was nothing to commit; gives the answers.
fn done(environment: &Environment, output: Output) -> Vec<Answer> {
    report(environment, output.counted, output.lines);
    output.answers
}

fn report(environment: &Environment, counted: crate::live::Counted, lines: Vec<crate::live::LogLine>) {
    environment.live.count(counted);
    for line in lines {
        environment.live.say(line);
    }
}

/// A batch that was decided as far as possible before the transaction began, so that the store's lock is not
/// held while deciding when no shared counter is involved.
struct Begun {
    /// How far that was: to its end, or until something must be granted first.
    next: Option<Progress>,
    deciding: Box<BatchDeciding>,
}

impl Begun {
    /// Whether it needs nothing more to be granted.
    const fn is_decided(&self) -> bool {
        matches!(self.next, Some(Progress::Decided(_)))
    }
}

impl Deciding for Begun {
    fn step(&mut self, granted: &[Granted]) -> Step {
        match self.next.take().unwrap_or_else(|| self.deciding.go_on(granted)) {
            Progress::Demands(demands) => Step::Demand(demands),
            Progress::Decided(unwritten) => Step::Write(Box::new(unwritten.into_writes())),
        }
    }

    fn overtaken(&mut self, writes: &mut Rows, now: &[ProfileRow]) -> bool {
        self.deciding.overtaken(writes, now)
    }
}

impl Work {
    fn split(self) -> (job::Task, job::Reply) {
        match self {
            Self::Items { items, reply } => (job::Task::Items(items.into()), job::Reply::Items(reply)),
            Self::Order { profile, command, idempotency_key, reply } => {
                (job::Task::Order { profile, command: *command, idempotency_key }, job::Reply::Order(reply))
            }
            Self::Wake { profiles, reply } => (job::Task::Wake(profiles), job::Reply::Wake(reply)),
            Self::Release { messages, reply } => (job::Task::Release(messages), job::Reply::Items(reply)),
        }
    }
}
