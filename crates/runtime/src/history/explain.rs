//! `explain`: one event, what it led to, and why; derived again from the member's history.

use std::sync::Arc;

use engine::{Decision, Trace, profile::Standing};
use jiff::Timestamp;
use ledger::ProfileId;
use program::RevisionId;
use store::{DirectoryEntry, DirectoryKey, Stream};

use super::walk;
use crate::{Environment, Error, Result};

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

/// What an event id leads to.
pub enum Explained {
    /// It was decided.
    Record(Box<ExplainedRecord>),
    /// It is in quarantine.
    Quarantined([u8; 16]),
    /// Nobody has sent it.
    Unknown,
}

impl Environment {
    /// Explains a message by its id.
    pub async fn explain_message(&self, message_id: &str) -> Result<Explained> {
        let key = DirectoryKey::Message(self.hasher.message(message_id));
        match self.store.lookup(&[key]).await?.pop().flatten() {
            Some(DirectoryEntry::Record(Stream::Profile(profile), n)) => {
                self.explain_record(profile, n).await.map(|record| Explained::Record(Box::new(record)))
            }
            Some(DirectoryEntry::Record(Stream::Quarantine(message), _)) => {
                Ok(Explained::Quarantined(message))
            }
            _ => Ok(Explained::Unknown),
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
        Ok(ExplainedRecord {
            profile,
            n,
            kind: recorded.kind.to_owned(),
            message,
            occurred_at: recorded.times.occurred_at,
            decided_at: recorded.times.decided_at,
            epoch: recorded.epoch,
            revision,
            decision: recorded.decision,
            trace,
        })
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
