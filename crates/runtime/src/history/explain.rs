//! `explain`: one event, what it led to, and why; derived again from the member's history.

use std::sync::Arc;

use engine::{Decision, Effect, Trace, profile::Standing, record::Recorded};
use jiff::Timestamp;
use ledger::ProfileId;
use program::RevisionId;
use store::{Direction, DirectoryEntry, DirectoryKey, Stream};

use super::walk;
use crate::{
    Environment, Error, Result,
    quarantine::{Counted, Release},
};

/// A record with its reasons.
pub struct ExplainedRecord {
    /// Whose.
    pub profile: ProfileId,
    /// Position in the stream.
    pub n: u64,
    /// `track`, `timer`, …
    pub kind: String,
    /// The message, if it came as one and was not erased.
    pub message: Option<engine::Message>,
    /// The order, if it was one by hand and was not erased.
    pub order: Option<engine::Command>,
    /// Whether the person was erased, and with them what came in.
    pub erased: bool,
    /// The merges that it led to, or that it is.
    pub merges: Vec<Merge>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The epoch.
    pub epoch: u64,
    /// The revision in force then.
    pub revision: Option<RevisionId>,
    /// What was decided.
    pub decision: Decision,
    /// Why; or why that cannot be told any more.
    pub trace: Result<Trace, String>,
}

/// Where a record is: whose stream, and the position in it.
pub type At = (ProfileId, u64);

/// One profile moved into another, in the streams of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The record by which it moved out. `None` when nothing is known of it any more.
    pub out: Option<At>,
    /// The record by which the other took it in.
    pub taken_in: At,
}

/// An event that was a duplicate of another, which had come under another message id.
pub struct Duplicate {
    /// The property that is to be unique.
    pub by: String,
    /// When it was released from quarantine.
    pub released_at: Timestamp,
    /// The record that holds the effect.
    pub first: ExplainedRecord,
}

/// What an event id leads to.
pub enum Explained {
    /// It was decided.
    Record(Box<ExplainedRecord>),
    /// It had no effect of its own: it was released from quarantine when what is unique of it had been counted.
    Duplicate(Box<Duplicate>),
    /// It was put into quarantine, and had no effect since.
    Quarantined([u8; 16]),
    /// Nobody has sent it.
    Unknown,
}

impl Environment {
    /// Explains a message by its id.
    pub async fn explain_message(&self, message_id: &str) -> Result<Explained> {
        let message = self.hasher.message(message_id);
        match self.store.lookup(&[DirectoryKey::Message(message)]).await?.pop().flatten() {
            Some(DirectoryEntry::Record(Stream::Profile(profile), n)) => {
                let record = self.explain_record(profile, n).await?;
                Ok(match self.released(message).await? {
                    Some(Release { at, counted: Some(Counted { by, .. }) }) => {
                        Explained::Duplicate(Box::new(Duplicate { by, released_at: at, first: record }))
                    }
                    _ => Explained::Record(Box::new(record)),
                })
            }
            Some(DirectoryEntry::Record(Stream::Quarantine(message), _)) => {
                Ok(Explained::Quarantined(message))
            }
            _ => Ok(Explained::Unknown),
        }
    }

    /// Explains the record that holds the effect of an event by what is unique of it: the event's name and the value of
    /// its `unique_by`. A duplicate by it that came under another message id left no trace of its own; this is what it
    /// was a duplicate of. `None` when nothing with this value has had an effect.
    pub async fn explain_unique(&self, event: &str, value: &str) -> Result<Option<ExplainedRecord>> {
        let Some(event_type) = self.rules().program.event_names.get(event).cloned() else {
            return Err(Error::Missing {
                what: "event",
                name: event.to_owned(),
                environment: self.name().to_owned(),
            });
        };
        let key = DirectoryKey::Unique(self.hasher.unique(event_type.as_str(), value));
        match self.store.lookup(&[key]).await?.pop().flatten() {
            Some(DirectoryEntry::Record(Stream::Profile(profile), n)) => {
                self.explain_record(profile, n).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Explains a record by its address.
    pub async fn explain_record(&self, profile: ProfileId, n: u64) -> Result<ExplainedRecord> {
        let Some((state, recorded)) = walk::state_before(self, profile, n).await? else {
            return Err(Error::Missing {
                what: "record",
                name: format!("{profile}/{n}"),
                environment: self.name().to_owned(),
            });
        };
        let revision = self.epochs.state(recorded.epoch).await?.head;
        let trace = if recorded.input.is_none() {
            Err("the person was erased, and with them what the conditions saw".to_owned())
        } else if recorded.decision_version == engine::DECISION_VERSION {
            let rules = self.epochs.rules(recorded.epoch).await?;
            let history = match recorded.input {
                Some(engine::Input::Upgrade { .. }) => walk::history_before(self, profile, n).await?,
                _ => Arc::default(),
            };
            match engine::replay::redecide_traced(&rules, &state, &recorded, &history) {
                Ok(engine::Proposal::Decided(_, trace)) => Ok(trace),
                Ok(engine::Proposal::Demands(demand, _)) => {
                    Err(format!("the record holds no grant for {}", demand.counter))
                }
                Err(fault) => Err(fault.to_string()),
            }
        } else {
            Err(format!(
                "it was decided by engine version {}; this is version {}",
                recorded.decision_version,
                engine::DECISION_VERSION
            ))
        };
        let message = match &recorded.input {
            Some(engine::Input::Message(message, _)) => Some(engine::Message::clone(message)),
            _ => None,
        };
        let order = match &recorded.input {
            Some(engine::Input::Command(order)) => Some(engine::Command::clone(order)),
            _ => None,
        };
        let merges = self.merges_of(profile, &recorded).await?;
        Ok(ExplainedRecord {
            profile,
            n,
            kind: recorded.kind.to_owned(),
            message,
            order,
            erased: recorded.input.is_none(),
            merges,
            occurred_at: recorded.times.occurred_at,
            decided_at: recorded.times.decided_at,
            epoch: recorded.epoch,
            revision,
            decision: recorded.decision,
            trace,
        })
    }

    /// The merges of a record. Those that a message led to stand right before it, in its own commit; only work
    /// that became due and upgrades may stand between.
    async fn merges_of(&self, profile: ProfileId, recorded: &Recorded) -> Result<Vec<Merge>> {
        let mut merges = Vec::new();
        if let Some(from) = absorbed(recorded) {
            merges.push(Merge { out: self.moved_out(from).await?, taken_in: (profile, recorded.n) });
        }
        if !matches!(recorded.input, Some(engine::Input::Message(..))) {
            return Ok(merges);
        }
        for n in (1..recorded.n).rev() {
            let Some(record) = self.store.record(Stream::Profile(profile), n).await? else { break };
            let before = engine::record::decode(&record.header, record.body.as_deref())?;
            if !matches!(before.kind, "merge_in" | "timer" | "upgrade") {
                break;
            }
            if let Some(from) = absorbed(&before) {
                merges.push(Merge { out: self.moved_out(from).await?, taken_in: (profile, n) });
            }
        }
        merges.reverse();
        Ok(merges)
    }

    /// The record by which a profile moved into another: the last of its stream, or the last before it was erased.
    async fn moved_out(&self, from: ProfileId) -> Result<Option<At>> {
        let last = self.store.stream(Stream::Profile(from), Direction::Backward, None, 2).await?;
        for record in &last.rows {
            let recorded = engine::record::decode(&record.header, record.body.as_deref())?;
            if recorded.kind == "merge_out" {
                return Ok(Some((from, record.n)));
            }
        }
        Ok(None)
    }

    /// The profile that owns an identity.
    pub async fn find_profile(&self, identity: &engine::Identity) -> Result<Option<ProfileId>> {
        let key = DirectoryKey::Identity(self.hasher.identity(identity));
        let Some(DirectoryEntry::Profile(profile)) = self.store.lookup(&[key]).await?.pop().flatten() else {
            return Ok(None);
        };
        self.living(profile).await.map(Some)
    }

    /// A profile's state, decoded.
    pub async fn profile(&self, id: ProfileId) -> Result<Option<engine::Profile>> {
        let row = self.store.profiles(&[id]).await?.pop().flatten();
        Ok(row.map(|row| engine::Profile::decode(&row.state)).transpose()?)
    }

    /// The profile that this one lives on in, or itself.
    pub async fn living(&self, mut id: ProfileId) -> Result<ProfileId> {
        while let Some(profile) = self.profile(id).await? {
            let Standing::MergedInto(into) = profile.standing else { break };
            id = into;
        }
        Ok(id)
    }
}

/// Whom a record took in.
fn absorbed(recorded: &Recorded) -> Option<ProfileId> {
    recorded.decision.effects.iter().find_map(|effect| match effect {
        Effect::Absorbed(from, _) => Some(*from),
        _ => None,
    })
}
