//! A piece of work in a batch: what is asked (kept until it is committed), and who is to be answered.

use std::sync::Arc;

use engine::Command;
use jiff::Timestamp;
use ledger::ProfileId;
use tokio::sync::oneshot;

use super::{Answer, Item};
use crate::{
    Error, Result,
    command::Ordered,
    ingest::ItemOutcome,
    intake::{Held, Work},
};

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Items(Arc<[Item]>),
    Order { profile: ProfileId, command: Command, idempotency_key: Option<String> },
    Wake(Vec<(ProfileId, Timestamp)>),
    Release(Vec<[u8; 16]>),
}

/// Who waits.
pub(crate) enum Reply {
    Items(oneshot::Sender<Result<Vec<ItemOutcome>>>),
    Order(oneshot::Sender<Result<Ordered>>),
    Wake(oneshot::Sender<Result<()>>),
}

/// A piece of work.
pub(crate) struct Job {
    pub(crate) task: Task,
    reply: Reply,
    _held: Held,
}

impl Job {
    pub(crate) fn new(work: Work, held: Held) -> Self {
        let (task, reply) = work.split();
        Self { task, reply, _held: held }
    }

    /// Answers. A caller who has gone away needs none.
    pub(crate) fn answer(self, answer: Answer) {
        match (self.reply, answer) {
            (Reply::Items(reply), Answer::Items(outcomes)) => drop(reply.send(Ok(outcomes))),
            (Reply::Order(reply), Answer::Order(ordered)) => drop(reply.send(ordered)),
            (Reply::Wake(reply), Answer::Woken) => drop(reply.send(Ok(()))),
            (reply, _) => fail(reply, Error::Internal("an answer of another kind than was asked".into())),
        }
    }

    pub(crate) fn fail(self, error: Error) {
        fail(self.reply, error);
    }
}

fn fail(reply: Reply, error: Error) {
    match reply {
        Reply::Items(reply) => drop(reply.send(Err(error))),
        Reply::Order(reply) => drop(reply.send(Err(error))),
        Reply::Wake(reply) => drop(reply.send(Err(error))),
    }
}
