//! Members at the end: what they hold on both sides, and those for whom it differs most.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use engine::{Decision, Input, Profile, Proposal, Rules, Times, Trace};
use ledger::ProfileId;
use store::Record;

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
        let mut points: BTreeMap<Arc<str>, Both> = BTreeMap::new();
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
        let affected = Affected { profile: id, points, event: None };
        self.affected.push(Weighed { weight, affected, most: member.most });
        if self.affected.len() > 10 * AFFECTED_SHOWN_MAX {
            self.keep_most_affected();
        }
    }

    pub(super) fn keep_most_affected(&mut self) {
        let most_first = |it: &Weighed| (Reverse(it.weight), it.affected.profile);
        self.affected.sort_by_key(most_first);
        self.affected.truncate(AFFECTED_SHOWN_MAX);
    }

    /// Both sides' reasons for one event.
    pub(super) async fn explained(&mut self, most: &Most) -> Result<AffectedEvent> {
        let record = engine::record::decode(&most.record.header, most.record.body.as_deref())?;
        let rules = self.rules.at(self.environment, record.epoch).await?;
        let recorded = match engine::replay::redecide_traced(&rules, &most.recorded, &record, &Arc::default())
        {
            Ok(Proposal::Decided(_, trace)) => Some(trace),
            _ => None,
        };
        let candidate = match (&most.candidate, &record.input) {
            (Some(played), Some(input)) => played.trace(&self.candidate, input),
            _ => None,
        };
        let event = match &record.input {
            Some(Input::Message(message, _)) => message.event.clone(),
            _ => None,
        };
        Ok(AffectedEvent {
            n: record.n,
            occurred_at: record.times.occurred_at,
            event,
            points: most.points,
            recorded,
            candidate,
        })
    }
}

/// A member whom the candidate would change, to be shown if there are not many whom it would change more.
pub(super) struct Weighed {
    weight: i64,
    pub(super) affected: Affected,
    pub(super) most: Option<Box<Most>>,
}

/// The event at which the two sides of a member differ most, with all that its reasons are worked out from again.
pub(super) struct Most {
    points: Both,
    record: Record,
    /// The state before it, as recorded.
    recorded: Profile,
    /// `None` when the candidate does not take it.
    candidate: Option<Played>,
}

/// What the candidate made of an event.
struct Played {
    /// The state before it.
    before: Profile,
    times: Times,
    decision: Decision,
}

impl Most {
    /// Keeps an event if the two sides differ more at it than at any before.
    pub(super) fn weigh(
        most: &mut Option<Box<Self>>,
        record: &Record,
        decision: &Decision,
        recorded: Profile,
        candidate: &mut Candidate,
        played: Option<Decision>,
    ) {
        let points = Both {
            recorded: tally::points_total(decision),
            candidate: played.as_ref().map_or(0, tally::points_total),
        };
        let before = most.as_ref().map_or(0, |most| most.points.delta().abs());
        if points.delta().abs() <= before {
            return;
        }
        let candidate = candidate.last.take().zip(played);
        *most = Some(Box::new(Self {
            points,
            record: record.clone(),
            recorded,
            candidate: candidate.map(|((before, times), decision)| Played { before, times, decision }),
        }));
    }
}

impl Played {
    /// Why, with the grants that it was given.
    fn trace(&self, rules: &Rules, input: &Input) -> Option<Trace> {
        let Self { before, times, decision } = self;
        match engine::decide_with(rules, before, input, *times, &decision.grants, true) {
            Ok(Proposal::Decided(_, trace)) => Some(trace),
            _ => None,
        }
    }
}
