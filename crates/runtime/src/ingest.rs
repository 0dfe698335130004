//! What comes in and what becomes of it.

use std::collections::BTreeMap;

use engine::{Decision, Identity, Message, Source};
use ledger::ProfileId;
use serde::{Deserialize, Serialize};

use crate::{Environment, Error, Result, batch::Item, intake::Work};

pub use engine::admit::Problem;

/// One item of the tracking protocol, as far as it could be understood.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A message.
    Message(Box<Message>),
    /// Well-formed JSON that is not a message; it goes to quarantine.
    Malformed(Malformed),
}

/// An item that is not a message. Kept whole, so that nothing is lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Malformed {
    /// Its own message id if it had a usable one, or one made up for it.
    pub message_id: String,
    /// The event's name, if it had one.
    pub name: Option<String>,
    /// An identity it carried, so that it is erased with the person.
    pub identity: Option<Identity>,
    /// The item as sent (JSON text), with batch context merged in.
    pub raw: String,
    /// By which road.
    pub source: Source,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Incoming {
    /// Its message id.
    pub fn message_id(&self) -> &str {
        match self {
            Self::Message(message) => &message.message_id,
            Self::Malformed(malformed) => &malformed.message_id,
        }
    }
}

/// What became of an item. Final once answered: the commit is on disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ItemOutcome {
    /// It was decided.
    Decided(Decided),
    /// It (or another with the same unique value) had its effect before.
    Duplicate {
        /// `message_id`, or the property that is to be unique.
        by: String,
    },
    /// It is in quarantine, to be looked at and replayed.
    Quarantined {
        /// Stable code.
        code: String,
        /// Every reason.
        problems: Vec<Problem>,
    },
    /// It was to be released from quarantine, and nothing stands there under this id: it was never there, or has been
    /// erased.
    Absent,
}

/// A decision in short, for those who are integrating.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// Whose.
    pub profile: ProfileId,
    /// The record's position in the profile's stream.
    pub n: u64,
    /// The revision's epoch it was decided under.
    pub epoch: u64,
    /// Reactors that fired, in order.
    pub fired: Vec<String>,
    /// Points: currency, and the change of what is available and pending together.
    pub points: Vec<(String, i64)>,
    /// What was accepted although it was not declared.
    pub warnings: Vec<Problem>,
}

impl Decided {
    pub(crate) fn of(
        profile: ProfileId,
        n: u64,
        epoch: u64,
        decision: &Decision,
        warnings: Vec<Problem>,
    ) -> Self {
        let fired = decision.outcomes.iter().filter(|o| o.stopped.is_none());
        let fired = fired.map(|o| o.reactor.to_string()).collect();
        let mut points: BTreeMap<String, i64> = BTreeMap::new();
        for group in &decision.groups {
            for posting in group.postings.iter().filter(|posting| posting.account.of_profile()) {
                *points.entry(group.currency.to_string()).or_default() += posting.amount;
            }
        }
        Self { profile, n, epoch, fired, points: points.into_iter().collect(), warnings }
    }
}

impl Environment {
    /// Takes items in, in order, and answers when all of them are durable, with one outcome each. All or
    /// nothing as far as the caller can tell: on an error nothing is acknowledged, and the same items sent
    /// again have their effect once.
    ///
    /// `bytes` is the size of the request, for the queue's limit.
    pub async fn ingest(&self, items: Vec<Incoming>, bytes: usize) -> Result<Vec<ItemOutcome>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (reply, answer) = tokio::sync::oneshot::channel();
        let held = self.intake.reserve(items.len(), bytes)?;
        let rules = self.rules();
        let prepare = |incoming| Item::prepare(incoming, &self.hasher, &rules);
        let items = items.into_iter().map(prepare).collect();
        self.intake.put(Work::Items { items, reply }, held)?;
        answer.await.unwrap_or_else(|_| Err(Error::Stopping(self.name().to_owned())))
    }
}
