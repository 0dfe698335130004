//! Batches: from the queue to one commit, and the answers after it.
//!
//! One task per environment takes what is waiting, loads what it names, decides it in order, and commits it
//! in one step. Nothing is answered before the commit is durable. When the epoch moved or somebody else was
//! faster, the whole batch is decided again; deciding is pure, so nothing is lost by it.

mod deciding;
mod job;
mod load;
mod scratch;

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use engine::Profile;
use ledger::ProfileId;
use quick_cache::sync::Cache;
use store::{Commit, Deciding, Granted, Step};

use crate::{
    Environment, Error, Result,
    ingest::ItemOutcome,
    intake::{Queue, Work},
};

pub(crate) use load::{history, history_from, records};

use deciding::BatchDeciding;
use job::Job;

/// Decoded profiles by id, as of their last known position. Only a hint: the commit checks positions.
pub(crate) type ProfileCache = Cache<ProfileId, Arc<Profile>>;

/// How often a batch is decided again before its callers are told to come back.
const ATTEMPTS_MAX: usize = 20;

/// Runs until the queue is closed and empty.
pub(crate) async fn run(environment: Arc<Environment>, mut queue: Queue) {
    let cache = ProfileCache::new(environment.options.profiles_cached_max);
    while let Some((work, held)) = queue.recv().await {
        let mut size = work.size();
        let mut jobs = vec![Job::new(work, held)];
        while size < environment.options.batch_items_max {
            let Ok((work, held)) = queue.try_recv() else { break };
            size += work.size();
            jobs.push(Job::new(work, held));
        }
        process(&environment, &cache, jobs).await;
    }
}

async fn process(environment: &Environment, cache: &ProfileCache, jobs: Vec<Job>) {
    match attempt(environment, cache, &jobs).await {
        Ok(answers) => answer(jobs, answers),
        // One bad row must not take its neighbours along: each job on its own.
        Err(error) if jobs.len() > 1 && !error.is_transient() => {
            tracing::warn!(environment = environment.name(), %error, "batch failed; trying its parts alone");
            for job in jobs {
                match attempt(environment, cache, std::slice::from_ref(&job)).await {
                    Ok(answers) => answer(vec![job], answers),
                    Err(error) => fail(environment, job, error),
                }
            }
        }
        Err(error) => {
            // Each caller is owed an answer; the first gets the error itself, the rest its text.
            let text = error.to_string();
            let transient = error.is_transient();
            let mut first = Some(error);
            for job in jobs {
                let error = first.take().unwrap_or_else(|| {
                    if transient {
                        Error::Store(store::Error::Recovering(text.clone()))
                    } else {
                        Error::Internal(text.clone())
                    }
                });
                fail(environment, job, error);
            }
        }
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

/// Decides and commits jobs, again where the ground moved.
async fn attempt(environment: &Environment, cache: &ProfileCache, jobs: &[Job]) -> Result<Vec<Answer>> {
    for _ in 0..ATTEMPTS_MAX {
        let rules = environment.rules();
        let loaded = load::load(environment, cache, &rules, jobs).await?;
        let touched: Vec<ProfileId> = loaded.profiles.keys().copied().collect();
        let (mut deciding, output) = BatchDeciding::new(environment, Arc::clone(&rules), jobs, loaded)?;
        let first = deciding.step(&[]);
        if let Step::Write(writes) = &first
            && writes.is_empty()
        {
            return Ok(output.take()?.answers); // only what has been done before
        }
        let begun = Box::new(Begun { first: Some(first), deciding });
        match environment.store.commit(rules.epoch, begun).await {
            Ok(Commit::Committed) => {
                let output = output.take()?;
                environment.live.batches.fetch_add(1, Ordering::Relaxed);
                for profile in output.profiles {
                    cache.insert(profile.id, profile);
                }
                report(environment, output.counted, output.lines);
                if output.due_changed {
                    environment.live.wake_timers();
                }
                return Ok(output.answers);
            }
            Ok(Commit::EpochMoved(_)) => {
                environment.refresh_rules().await?;
            }
            Ok(Commit::Conflict) => forget(cache, &touched),
            Err(error) => {
                forget(cache, &touched);
                return Err(error.into());
            }
        }
    }
    Err(Error::Store(store::Error::Recovering(
        "the same members are being changed by others all the time; try again".into(),
    )))
}

/// What was read may be out of date: read it again next time.
fn forget(cache: &ProfileCache, profiles: &[ProfileId]) {
    for id in profiles {
        cache.remove(id);
    }
}

fn report(
    environment: &Environment,
    counted: BTreeMap<(String, &'static str), u64>,
    lines: Vec<crate::live::LogLine>,
) {
    environment.live.count(counted);
    for line in lines {
        environment.live.say(line);
    }
}

/// A batch whose first step was taken before the transaction began, so that the store's lock is not held
/// while deciding when no shared counter is involved.
struct Begun {
    first: Option<Step>,
    deciding: BatchDeciding,
}

impl Deciding for Begun {
    fn step(&mut self, granted: &[Granted]) -> Step {
        match self.first.take() {
            Some(step) => step,
            None => self.deciding.step(granted),
        }
    }
}

impl Work {
    fn split(self) -> (job::Task, job::Reply) {
        match self {
            Self::Items { items, reply } => {
                (job::Task::Items(items.into_iter().map(job::Item::new).collect()), job::Reply::Items(reply))
            }
            Self::Order { profile, command, idempotency_key, reply } => {
                (job::Task::Order { profile, command: *command, idempotency_key }, job::Reply::Order(reply))
            }
            Self::Wake { profiles, reply } => (job::Task::Wake(profiles), job::Reply::Wake(reply)),
            Self::Release { messages, reply } => (job::Task::Release(messages), job::Reply::Items(reply)),
        }
    }
}
