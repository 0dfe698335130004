//! Members at the end: what they hold on both sides, and those for whom it differs most.

use std::{collections::BTreeMap, sync::Arc};

use engine::Input;
use jiff::Timestamp;
use ledger::ProfileId;

use super::{
    AFFECTED_SHOWN_MAX, Member, Rehearsal,
    candidate::Candidate,
    report::{Affected, AffectedEvent, Both},
    tally::{self, Side},
};
use crate::Result;

impl Rehearsal<'_> {
    /// A member's end: due work up to the window's end, and what they hold on both sides.
    pub(super) fn end(&mut self, id: ProfileId, member: Member) {
        let Some(recorded) = member.recorded.state() else { return };
        let mut candidate = match member.candidate {
            Some(candidate) => *candidate,
            None if member.begun && recorded.due_before(self.end).is_none() => {
                self.report.profiles += 1;
                for side in [Side::Recorded, Side::Candidate] {
                    tally::end_state(&mut self.report, side, recorded);
                }
                return;
            }
            None if member.begun => self.part(recorded.clone()),
            None => {
                let mut candidate = Candidate::new(recorded.clone());
                if let Err(fault) =
                    candidate.upgrade(&self.candidate, &mut self.counters, Arc::default(), self.end)
                {
                    tracing::debug!(%fault, "a member could not be brought under the candidate");
                }
                candidate
            }
        };
        match candidate.bring_up(&self.candidate, &mut self.counters, self.end) {
            Ok(decisions) => {
                for decision in &decisions {
                    tally::decision(&mut self.report, Side::Candidate, decision);
                }
            }
            Err(fault) => {
                *self.report.rejected.entry("fault".to_owned()).or_default() += 1;
                tracing::debug!(%fault, "due work could not be decided under the candidate");
            }
        }
        self.report.profiles += 1;
        tally::end_state(&mut self.report, Side::Recorded, recorded);
        tally::end_state(&mut self.report, Side::Candidate, &candidate.state);
        let (before, after) = (tally::held(recorded), tally::held(&candidate.state));
        let mut points: BTreeMap<String, Both> = BTreeMap::new();
        for (currency, amount) in before {
            points.entry(currency).or_default().recorded = amount;
        }
        for (currency, amount) in after {
            points.entry(currency).or_default().candidate = amount;
        }
        points.retain(|_, both| both.delta() != 0);
        let audiences_differ = !recorded.audiences.keys().eq(candidate.state.audiences.keys());
        if points.is_empty() && !audiences_differ {
            return;
        }
        self.report.profiles_affected += 1;
        let weight: i64 = points.values().map(|both| both.delta().abs()).sum();
        let event = member.most.map(|(_, n)| AffectedEvent {
            n,
            occurred_at: Timestamp::UNIX_EPOCH,
            event: None,
            points: Both::default(),
            recorded: None,
            candidate: None,
        });
        self.affected.push((weight, Affected { profile: id, points, event }));
        if self.affected.len() > 10 * AFFECTED_SHOWN_MAX {
            self.keep_most_affected();
        }
    }

    pub(super) fn keep_most_affected(&mut self) {
        self.affected.sort_by(|a, b| (b.0, a.1.profile).cmp(&(a.0, b.1.profile)));
        self.affected.truncate(AFFECTED_SHOWN_MAX);
    }

    /// Both sides' reasons for one event: the member's stream walked once more.
    pub(super) async fn both_traces(&mut self, profile: ProfileId, event: &mut AffectedEvent) -> Result<()> {
        let explained = self.environment.explain_record(profile, event.n).await?;
        event.occurred_at = explained.occurred_at;
        event.event = explained.message.as_ref().and_then(|message| message.event.clone());
        event.points.recorded = tally::points_total(&explained.decision);
        event.recorded = explained.trace.ok();
        let mut alone = self.alone(profile).await?;
        while let Some(recorded) = alone.records.pop_front() {
            if recorded.n == event.n {
                self.reach(&mut alone, &recorded).await?;
                if let Some(candidate) = &mut alone.candidate
                    && let Ok((decision, trace)) =
                        candidate.traced(&self.candidate, &mut alone.counters, &recorded)
                {
                    event.points.candidate = tally::points_total(&decision);
                    event.candidate = Some(trace);
                }
                break;
            }
            let absorbed = match &recorded.input {
                Some(Input::MergeIn { from, .. }) => self.absorbed(*from).await?,
                _ => None,
            };
            self.go_on(&mut alone, &recorded, absorbed).await?;
        }
        Ok(())
    }
}
