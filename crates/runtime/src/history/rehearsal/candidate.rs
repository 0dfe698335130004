//! One member's history under the candidate: the same inputs, its own timers and upgrades.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use engine::{
    Decision, Demanded, Fault, Input, Profile, Rules, Times,
    admit::Admission,
    decide::CounterDemand,
    input::Order,
    record::{Opened, Recorded},
    replay::{self, Unplayed},
};
use jiff::Timestamp;
use ledger::{GroupId, PostingGroup, ProfileId};

/// Shared counters, simulated in the order in which events are replayed.
#[derive(Default)]
pub(super) struct Counters(BTreeMap<String, (i64, u64)>);

impl Counters {
    fn grant(&mut self, demand: CounterDemand) -> Demanded {
        let (used, n) = self.0.entry(demand.counter.clone()).or_default();
        let left = (demand.ceiling - *used).max(0);
        let granted = match (demand.amount <= left, demand.part) {
            (true, _) => demand.amount,
            (false, true) => left,
            (false, false) => 0,
        };
        *used += granted;
        *n += 1;
        let CounterDemand { counter, ceiling, amount: asked, part } = demand;
        Demanded { counter, ceiling, asked, part, granted, n: *n }
    }
}

impl Counters {
    /// Takes what is recorded to have been granted, where the candidate decides nothing itself.
    pub(super) fn spend(&mut self, grants: &[Demanded]) {
        for grant in grants {
            let (used, n) = self.0.entry(grant.counter.clone()).or_default();
            *used += grant.granted;
            *n += 1;
        }
    }
}

/// Why an input could not be carried over.
pub(super) enum NotCarried {
    /// The candidate would have put it into quarantine.
    Rejected(&'static str),
    /// It makes no sense under the candidate.
    Left(&'static str),
    /// Deciding it failed.
    Fault(Fault),
}

impl From<Fault> for NotCarried {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What a record has for a candidate: its input, and when.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) n: u64,
    pub(super) times: Times,
    /// `None` when the body was erased.
    pub(super) input: Option<&'a Input>,
}

impl<'a> From<&'a Recorded> for Past<'a> {
    fn from(recorded: &'a Recorded) -> Self {
        Self { n: recorded.n, times: recorded.times, input: recorded.input.as_ref() }
    }
}

impl<'a> From<&'a Opened<'_>> for Past<'a> {
    fn from(opened: &'a Opened<'_>) -> Self {
        Self { n: opened.n(), times: opened.times(), input: opened.input() }
    }
}

/// A member under the candidate.
pub(super) struct Candidate {
    pub(super) state: Profile,
    /// What the candidate posted for the records of the journal: reversals cite those.
    groups: HashMap<(u64, u16), (GroupId, PostingGroup)>,
    /// Up to this record it posted what is recorded.
    shared: u64,
    /// The state before the last input, and when that was.
    pub(super) last: Option<(Profile, Times)>,
    /// How it stood when it was merged into another member, with all work done that was due.
    pub(super) left: Option<Box<Profile>>,
}

/// As in a batch: a program that makes work for itself must not run for ever.
const TIMERS_AT_ONCE_MAX: usize = 10_000;

impl Candidate {
    pub(super) fn new(state: Profile) -> Self {
        Self::parted(state, 0)
    }

    /// One that has come to what is recorded, up to record `shared`.
    pub(super) fn parted(state: Profile, shared: u64) -> Self {
        Self { state, groups: HashMap::new(), shared, last: None, left: None }
    }

    pub(super) fn fresh(profile: ProfileId) -> Self {
        Self::new(Profile::new(profile))
    }

    /// Decides one input under the candidate and applies it.
    fn input(
        &mut self,
        rules: &Rules,
        counters: &mut Counters,
        input: &Input,
        times: Times,
    ) -> Result<Decision, Fault> {
        let mut grants = Vec::new();
        loop {
            match replay::play(rules, &self.state, input, times, &grants) {
                Ok((decision, after)) => {
                    self.last = Some((std::mem::replace(&mut self.state, after), times));
                    return Ok(decision);
                }
                Err(Unplayed::Demands(demand)) => grants.push(counters.grant(demand)),
                Err(Unplayed::Fault(fault)) => return Err(fault),
            }
        }
    }

    /// Fires what is due by then. Gives every decision made.
    pub(super) fn bring_up(
        &mut self,
        rules: &Rules,
        counters: &mut Counters,
        until: Timestamp,
    ) -> Result<Vec<Decision>, Fault> {
        let mut decisions = Vec::new();
        if !self.state.is_active() {
            return Ok(decisions);
        }
        while let Some(due) = self.state.due_before(until) {
            if decisions.len() == TIMERS_AT_ONCE_MAX {
                return Err(Fault::new(
                    "internal",
                    format!("profile {}", self.state.id),
                    "its timers do not come to an end",
                ));
            }
            let times = Times::new(due, due.max(self.state.decided_at));
            decisions.push(self.input(rules, counters, &Input::Timer, times)?);
        }
        Ok(decisions)
    }

    /// Brings a state of the record under the candidate, as of the window's begin.
    pub(super) fn upgrade(
        &mut self,
        rules: &Rules,
        counters: &mut Counters,
        history: Arc<[engine::Message]>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        if self.state.n > 0 && self.state.is_active() && rules.needs_upgrade(&self.state) {
            let at = at.max(self.state.latest);
            let times = Times::new(at, at.max(self.state.decided_at));
            self.input(rules, counters, &Input::Upgrade { react: false, history }, times)?;
        }
        Ok(())
    }

    /// Carries a recorded input over. Timers and upgrades of the record are not inputs here: the candidate
    /// has its own. `admitted`: the candidate takes it, as is known. `absorbed` is the other member's state under
    /// the candidate, for a merge.
    pub(super) fn carry(
        &mut self,
        rules: &Rules,
        counters: &mut Counters,
        past: Past<'_>,
        admitted: bool,
        absorbed: Option<Profile>,
    ) -> Result<Vec<Decision>, NotCarried> {
        let Some(input) = past.input else { return Err(NotCarried::Left(super::ERASED)) };
        let input = match input {
            Input::Timer | Input::Upgrade { .. } => return Ok(Vec::new()),
            Input::Message(message, claims) => {
                if !admitted && let Admission::Quarantine { code, .. } = engine::admit(rules, message) {
                    return Err(NotCarried::Rejected(code));
                }
                Input::Message(Arc::clone(message), claims.clone())
            }
            Input::Command(command) => Input::Command(self.command(command)?),
            Input::MergeOut { into } => Input::MergeOut { into: *into },
            Input::MergeIn { from, .. } => match absorbed {
                Some(state) => Input::MergeIn { from: *from, state: Box::new(state) },
                None => return Err(NotCarried::Left("the member merged in is not known")),
            },
        };
        let mut decisions = self.bring_up(rules, counters, past.times.occurred_at)?;
        if matches!(input, Input::MergeOut { .. }) {
            self.left = Some(Box::new(self.state.clone()));
        }
        let is_order = matches!(input, Input::Command(_));
        let times = Times::new(past.times.occurred_at, past.times.decided_at.max(self.state.decided_at));
        let decision = match self.input(rules, counters, &input, times) {
            Err(_) if is_order => {
                return Err(NotCarried::Left("an order that the candidate's wallet does not cover"));
            }
            decision => decision?,
        };
        for (index, group) in decision.groups.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { break };
            let id = GroupId { profile: self.state.id, n: self.state.n, index };
            self.groups.insert((past.n, index), (id, group.clone()));
        }
        decisions.push(decision);
        Ok(decisions)
    }

    fn command(&self, command: &engine::Command) -> Result<engine::Command, NotCarried> {
        let mut command = command.clone();
        if let Order::Reverse { group, original } = &mut command.order
            && group.n > self.shared
        {
            let (id, mine) = self
                .groups
                .get(&(group.n, group.index))
                .ok_or(NotCarried::Left("a reversal of what the candidate never posted"))?;
            *group = *id;
            **original = mine.clone();
        }
        Ok(command)
    }
}
