//! Who changed what since a plan was made: a stale plan is mended by talking to somebody.

use program::plan::{Plan, Stale};

use crate::{
    Environment, Error, Result,
    control::{Change, ControlRecord},
};

/// More than these are counted, not told.
const TOLD_MAX: usize = 5;

impl Environment {
    /// Why a plan cannot be applied any more, with whoever changed what it assumed.
    pub(super) async fn stale(&self, file: &Plan, now: &Plan, stale: &Stale) -> Result<Error> {
        // Another environment's epochs count something else.
        if file.target.id != now.target.id {
            return Ok(Error::Stale(stale.to_string()));
        }
        let changes = self.changes_since(file.target.epoch).await?;
        let left_out = changes.len().saturating_sub(TOLD_MAX);
        let told = changes[left_out..].join("; ");
        Ok(Error::Stale(match (changes.len(), left_out) {
            (0, _) => stale.to_string(),
            (_, 0) => format!("{stale}. Since then: {told}"),
            _ => {
                format!("{stale}. Since then: {left_out} more changes (`greenroom audit` lists them); {told}")
            }
        }))
    }

    /// Every change since an epoch that plans rest on, oldest first.
    async fn changes_since(&self, epoch: u64) -> Result<Vec<String>> {
        let mut changes = Vec::new();
        for row in self.store.control_records(epoch).await? {
            let record = ControlRecord::decode(&row.header)?;
            let Some(did) = in_words(&record.change) else { continue };
            let why = record.message.filter(|why| !why.is_empty());
            let why = why.map(|why| format!(" (“{why}”)")).unwrap_or_default();
            changes.push(format!("{} {did}{why}, epoch {}", record.actor, record.n));
        }
        Ok(changes)
    }
}

/// What a change did; `None` for those that no plan rests on.
fn in_words(change: &Change) -> Option<String> {
    Some(match change {
        Change::HeadMoved { by, .. } => match by.as_str() {
            "rollback" => "rolled back".to_owned(),
            "promote" => "promoted another environment's configuration".to_owned(),
            _ => "applied files".to_owned(),
        },
        Change::ConstantSet { key, .. } => format!("set constant `{key}`"),
        Change::ConstantUnset { key } => format!("unset constant `{key}`"),
        Change::SecretChanged { key, bound: true } => format!("set secret `{key}`"),
        Change::SecretChanged { key, bound: false } => format!("forgot secret `{key}`"),
        Change::Switched { reactor, on } => {
            format!("switched reactor `{reactor}` {}", if *on { "on" } else { "off" })
        }
        Change::Born { .. }
        | Change::ClockSet { .. }
        | Change::ScheduleReached { .. }
        | Change::KeyChanged { .. }
        | Change::MasterKeyChanged
        | Change::Restored { .. } => return None,
    })
}
