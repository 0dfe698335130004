//! A decision in the making: a working copy of the state, changed by the very effects and groups that are
//! recorded, and the steps still to take.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use ledger::{GroupId, PostingGroup};
use program::Key;

use super::CounterDemand;
use crate::{
    Decision, Demanded, Effect, Fault, Outcome, Profile, Rules, STEPS_MAX, Stopped, Times, Trace, apply,
    decision::{Change, Considered},
    view::{Event, View},
};

/// Why deciding does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It cannot.
    Fault(Fault),
    /// A grant is needed first.
    Demand(CounterDemand),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What begins a step.
pub(super) enum Cause<'a> {
    Entered(Key),
    Left(Key),
    /// The message's own event (step 0), or one that a reactor emitted.
    Event(Event<'a>),
}

/// A step still to take.
pub(super) struct Step<'a> {
    pub(super) number: u16,
    /// How many emitted events led here.
    pub(super) depth: usize,
    pub(super) cause: Cause<'a>,
}

pub(super) struct Work<'a> {
    pub(super) rules: &'a Rules,
    /// The working copy.
    pub(super) profile: Profile,
    pub(super) times: Times,
    /// Audiences to look at again, by their place in the program's order.
    pub(super) dirty: BTreeSet<usize>,
    /// Whether changed memberships set off reactors.
    pub(super) reacts: bool,
    pub(super) trace: Option<Trace>,
    decision: Decision,
    grants: std::slice::Iter<'a, Demanded>,
    queue: VecDeque<Step<'a>>,
    steps: u16,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        rules: &'a Rules,
        profile: Profile,
        kind: &str,
        times: Times,
        grants: &'a [Demanded],
        traced: bool,
    ) -> Self {
        let n = profile.n + 1;
        let mut work = Self {
            rules,
            profile,
            times,
            dirty: BTreeSet::new(),
            reacts: true,
            trace: traced.then(Trace::default),
            decision: Decision::default(),
            grants: grants.iter(),
            queue: VecDeque::new(),
            steps: 0,
        };
        apply::begin(&mut work.profile, n, times, rules.epoch, kind);
        work
    }

    /// Messages, commands and merges need an active profile that stands on what is in force. A new one takes it.
    pub(super) fn must_be_current(&mut self) -> Result<(), Stop> {
        if !self.profile.is_active() {
            let what = "it has been merged into another or erased";
            return Err(Fault::new("inactive", self.profile.id.to_string(), what).into());
        }
        let basis = self.rules.basis;
        if self.profile.n == 1 {
            self.effect(Effect::Basis(basis))?;
            self.effect(Effect::Declared(Arc::clone(&self.rules.index.declared)))?;
            self.all_dirty();
        } else if self.profile.basis != basis {
            let what = "it has not been upgraded to the program at hand";
            return Err(Fault::new("behind", self.profile.id.to_string(), what).into());
        }
        Ok(())
    }

    pub(super) fn all_dirty(&mut self) {
        self.dirty.extend(0..self.rules.program.audience_order.len());
    }

    /// Changes the working copy, and records the change.
    pub(super) fn effect(&mut self, effect: Effect) -> Result<(), Stop> {
        apply::apply(&mut self.profile, &effect)?;
        self.decision.effects.push(effect);
        Ok(())
    }

    /// The id of the next group.
    pub(super) fn next_group(&self) -> Result<GroupId, Stop> {
        let index = u16::try_from(self.decision.groups.len())
            .map_err(|_| Fault::new("overflow", "postings", "more than 65,535 groups in one decision"))?;
        Ok(GroupId { profile: self.profile.id, n: self.profile.n, index })
    }

    /// Posts a group to the working copy, and records it.
    pub(super) fn post(&mut self, group: PostingGroup) -> Result<GroupId, Stop> {
        let id = self.next_group()?;
        Arc::make_mut(&mut self.profile.wallets).apply(&group, id).map_err(ledger_fault)?;
        if let Some(audiences) = self.rules.index.audiences_by_currency.get(&group.currency.0) {
            self.dirty.extend(audiences);
        }
        self.decision.groups.push(group);
        Ok(id)
    }

    /// Asks a shared counter, or takes what it has granted before.
    pub(super) fn demand(&mut self, demand: CounterDemand) -> Result<i64, Stop> {
        let Some(grant) = self.grants.next() else { return Err(Stop::Demand(demand)) };
        if grant.counter != demand.counter
            || grant.ceiling != demand.ceiling
            || grant.asked != demand.amount
            || grant.part != demand.part
        {
            let what = format!("{demand:?} does not fit the recorded {grant:?}");
            return Err(Fault::new("grants", demand.counter, what).into());
        }
        self.decision.grants.push(grant.clone());
        Ok(grant.granted)
    }

    pub(super) fn outcome(&mut self, step: u16, reactor: &Key, stopped: Option<Stopped>) {
        if stopped.is_none() {
            apply::count_firing(&mut self.profile, &reactor.shared());
        }
        self.decision.outcomes.push(Outcome { step, reactor: reactor.shared(), stopped });
    }

    /// Queues a step.
    pub(super) fn queue(&mut self, depth: usize, cause: Cause<'a>) -> Result<u16, Stop> {
        self.steps += 1;
        if usize::from(self.steps) > STEPS_MAX {
            let what = format!(
                "more than {STEPS_MAX} steps: reactors on audiences or emitted events set each other off"
            );
            return Err(Fault::new("steps", "decision", what).into());
        }
        self.queue.push_back(Step { number: self.steps, depth, cause });
        Ok(self.steps)
    }

    /// Takes the steps that are left.
    pub(super) fn steps(&mut self) -> Result<(), Stop> {
        self.audiences(0)?;
        while let Some(step) = self.queue.pop_front() {
            self.take(&step)?;
        }
        Ok(())
    }

    /// Takes a step. An event: metrics that count it, audiences, then its reactors. A membership: its
    /// reactors.
    pub(super) fn take(&mut self, step: &Step<'a>) -> Result<(), Stop> {
        let program = &self.rules.program;
        let reactors = match &step.cause {
            Cause::Entered(key) => program.reactors_by_entered.get(key),
            Cause::Left(key) => program.reactors_by_left.get(key),
            Cause::Event(event) => {
                let Some(key) = &event.key else { return self.audiences(step.depth) };
                self.count(key, event)?;
                self.audiences(step.depth)?;
                program.reactors_by_event.get(key)
            }
        };
        for at in reactors.into_iter().flatten() {
            self.consider(step, *at)?;
            self.audiences(step.depth)?;
        }
        Ok(())
    }

    /// What conditions read. On an event windows are read as of its own time, also when it comes late;
    /// elsewhere as of the latest time the profile has seen.
    pub(super) fn view<'v>(&'v self, event: Option<&'v Event<'v>>) -> View<'v>
    where
        'a: 'v,
    {
        let at = event.map_or(self.profile.latest, |event| event.at);
        View::new(self.rules, &self.profile, event, at)
    }

    pub(super) fn note(&mut self, step: u16, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.changes.push(Change { step, what: what() });
        }
    }

    pub(super) fn considered(&mut self, considered: Option<Considered>) {
        if let (Some(trace), Some(considered)) = (&mut self.trace, considered) {
            trace.considered.push(considered);
        }
    }

    pub(super) fn done(mut self) -> Result<(Decision, Trace, Profile), Fault> {
        if let Some(grant) = self.grants.next() {
            return Err(Fault::new(
                "grants",
                &*grant.counter,
                "the record has a grant that nothing asked for",
            ));
        }
        apply::finish(&mut self.profile);
        Ok((self.decision, self.trace.take().unwrap_or_default(), self.profile))
    }
}

/// The ledger's refusals, with their stable words.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(super) fn ledger_fault(error: ledger::Error) -> Fault {
    let code = match &error {
        ledger::Error::Insufficient { .. } => "insufficient",
        ledger::Error::AlreadyReversed(_) => "already_reversed",
        ledger::Error::NotReversible(..) => "not_reversible",
        ledger::Error::Amount(_) | ledger::Error::Date(_) => "amount",
        ledger::Error::Unbalanced(_) => "internal",
    };
    Fault::new(code, "ledger", error.to_string())
}

/// A counter's name.
pub(super) fn budget_counter(reactor: &Key) -> String {
    format!("budget/reactor/{reactor}")
}
