//! Orders by people and machines: credit, debit, reverse, erase.

use engine::Command;
use ledger::{PostingGroup, ProfileId};

use crate::{Environment, Error, Result, intake::Work};

/// What an order came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered {
    /// Whose.
    pub profile: ProfileId,
    /// The record's position in the profile's stream.
    pub n: u64,
    /// What was posted.
    pub groups: Vec<PostingGroup>,
    /// The same key was used before for the same order: this is what it came to then.
    pub replayed: bool,
}

impl Environment {
    /// Carries out an order. With an `Idempotency-Key`, the same order under the same key has one effect,
    /// for ever; another order under it is refused.
    pub async fn order(
        &self,
        profile: ProfileId,
        command: Command,
        idempotency_key: Option<String>,
    ) -> Result<Ordered> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let work = Work::Order { profile, command: Box::new(command), idempotency_key, reply };
        self.intake.offer(work, 1_000)?;
        answer.await.unwrap_or_else(|_| Err(Error::Stopping(self.name().to_owned())))
    }
}

impl Environment {
    /// The order that reverses an earlier posting group of this profile: what it posted is read from its
    /// record.
    pub async fn reversal(&self, profile: ProfileId, group: ledger::GroupId) -> Result<engine::input::Order> {
        let missing = || Error::Missing {
            what: "posting group",
            name: group.to_string(),
            environment: self.name().to_owned(),
        };
        if group.profile != profile {
            return Err(Error::Refused(format!("posting group {group} is not one of profile {profile}")));
        }
        let record =
            self.store.record(store::Stream::Profile(profile), group.n).await?.ok_or_else(missing)?;
        let recorded = engine::record::decode(&record.header, record.body.as_deref())?;
        let original = recorded.decision.groups.get(usize::from(group.index)).cloned().ok_or_else(missing)?;
        Ok(engine::input::Order::Reverse { group, original: Box::new(original) })
    }
}
