//! Writing a control change: one record, and what goes with it, in one exclusive step.

use std::sync::Arc;

use jiff::Timestamp;
use store::{Commit, ControlWrites, NewRecord, Stream};

use super::{Actor, Change, ControlRecord, EpochState};
use crate::{Environment, Error, Result, clock::micros};

/// A control change before it has a position.
#[derive(Clone, Debug)]
pub struct ControlDraft {
    /// Who.
    pub actor: Actor,
    /// Why.
    pub message: Option<String>,
    /// What.
    pub change: Change,
}

impl Environment {
    /// The newest state, in which the configuration is still the one that was `seen` ([`EpochState::configured`]);
    /// refuses when it has changed since. Any will do when nothing was seen. A change that is made from this very state,
    /// and names its epoch, goes over nothing that came after.
    pub(crate) async fn as_seen(&self, seen: Option<u64>) -> Result<Arc<EpochState>> {
        let state = self.epochs.refresh().await?;
        if seen.is_none_or(|seen| state.configured == seen) {
            return Ok(state);
        }
        Err(Error::Stale(format!(
            "the configuration of environment `{}` has changed since it was read; read it again",
            self.name()
        )))
    }

    /// Writes a control change as of the newest epoch, with `extra` in the same transaction. `expected`
    /// refuses it when the epoch is another one by now. Once this answers, no batch decides under the old
    /// epoch, and every other node that is there has taken the change in.
    pub async fn change(
        &self,
        draft: ControlDraft,
        extra: ControlWrites,
        expected: Option<u64>,
    ) -> Result<u64> {
        let epoch = self.change_here(&draft, &extra, expected).await?;
        self.reach_all(epoch).await;
        Ok(epoch)
    }

    /// The same where nobody else serves the environment.
    pub(crate) async fn change_here(
        &self,
        draft: &ControlDraft,
        extra: &ControlWrites,
        expected: Option<u64>,
    ) -> Result<u64> {
        let _one_at_a_time = self.control_lock.lock().await;
        loop {
            let state = self.epochs.refresh().await?;
            if let Some(expected) = expected
                && expected != state.epoch
            {
                return Err(Error::Stale(format!(
                    "environment `{}` is at epoch {} by now, not {expected}: somebody changed it; plan again",
                    self.name(),
                    state.epoch
                )));
            }
            let mut writes = extra.clone();
            writes.record = Some(self.control_record(&state, draft)?);
            match self.store.control(state.epoch, writes).await? {
                Commit::Committed => {
                    self.refresh_rules().await?;
                    self.live.wake_timers();
                    return Ok(state.epoch + 1);
                }
                Commit::EpochMoved(_) | Commit::Conflict => {}
            }
        }
    }

    fn control_record(&self, state: &EpochState, draft: &ControlDraft) -> Result<NewRecord> {
        // The environment's own time, monotone in its stream whatever the machine's clock does.
        let now = micros(self.now());
        let at = state.at.map_or(now, |last: Timestamp| last.max(now));
        let record = ControlRecord {
            n: state.epoch + 1,
            at,
            actor: draft.actor.clone(),
            message: draft.message.clone(),
            change: draft.change.clone(),
            previous: state.tail.clone(),
        };
        Ok(NewRecord {
            stream: Stream::Control,
            n: record.n,
            decided_at: at,
            header: record.encode()?,
            body: None,
        })
    }
}
