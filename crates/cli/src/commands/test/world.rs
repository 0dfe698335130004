//! A small environment in memory: what the runtime does, in the order in which it does it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{
    Admission, Command, Decision, Effect, Fault, Identity, Input, Known, Message, Profile, Proposal, Rules,
    Times, Trace, admit,
    decide::{CounterDemand, decide_traced},
    evolve_written,
    input::Order,
    profile::Standing,
    record::{self, Writing},
    resolve::{Owner, resolve},
    settle,
};
use jiff::Timestamp;
use ledger::{GroupId, PostingGroup, ProfileId};
use program::Key;

/// An environment.
#[derive(Clone)]
pub(super) struct World {
    pub(super) rules: Rules,
    /// The clock.
    pub(super) now: Timestamp,
    profiles: BTreeMap<ProfileId, Profile>,
    identities: BTreeMap<Identity, ProfileId>,
    messages: BTreeSet<String>,
    uniques: BTreeSet<(Key, String)>,
    /// Counter → used, position.
    counters: BTreeMap<String, (i64, u64)>,
    pub(super) history: Vec<Happened>,
    pub(super) quarantined: Vec<(String, String)>,
    pub(super) duplicates: Vec<String>,
    pub(super) refused: Vec<String>,
}

/// One record, with what it saw.
#[derive(Clone)]
pub(super) struct Happened {
    pub(super) profile: ProfileId,
    n: u64,
    pub(super) at: Timestamp,
    /// `Order Completed (step-1)`, `timer`, `credit`.
    pub(super) what: String,
    message_id: Option<String>,
    pub(super) decision: Decision,
    pub(super) trace: Trace,
}

/// More timers at once than this point at a program that makes work for itself.
const TIMERS_AT_ONCE_MAX: usize = 100_000;

impl World {
    pub(super) fn new(rules: Rules, now: Timestamp) -> Self {
        Self {
            rules,
            now,
            profiles: BTreeMap::new(),
            identities: BTreeMap::new(),
            messages: BTreeSet::new(),
            uniques: BTreeSet::new(),
            counters: BTreeMap::new(),
            history: Vec::new(),
            quarantined: Vec::new(),
            duplicates: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Whose id it is, as user id or as anonymous id.
    pub(super) fn member(&self, id: &str) -> Option<&Profile> {
        let known = |identity| self.identities.get(&identity);
        let profile = known(Identity::User(id.into())).or_else(|| known(Identity::Anonymous(id.into())))?;
        self.profiles.get(&self.living(*profile))
    }

    /// A member's id and those of profiles merged into it.
    pub(super) fn streams(&self, id: ProfileId) -> Vec<ProfileId> {
        self.profiles.keys().copied().filter(|other| self.living(*other) == id).collect()
    }

    fn living(&self, mut id: ProfileId) -> ProfileId {
        while let Some(Standing::MergedInto(into)) = self.profiles.get(&id).map(|profile| profile.standing) {
            id = into;
        }
        id
    }

    /// Moves the clock; everything due until then fires, in the order of its time.
    pub(super) fn advance(&mut self, until: Timestamp) -> Result<(), Fault> {
        for _ in 0..TIMERS_AT_ONCE_MAX {
            let due = self
                .profiles
                .values()
                .filter(|profile| profile.is_active())
                .filter_map(|profile| Some((profile.due_before(until)?, profile.id)))
                .min();
            let Some((due, id)) = due else {
                self.now = self.now.max(until);
                return Ok(());
            };
            self.now = self.now.max(due);
            self.decide(id, &Input::Timer, due, "timer", None)?;
        }
        Err(Fault::new("internal", "clock", format!("more than {TIMERS_AT_ONCE_MAX} timers were due")))
    }

    /// An event comes in. An event of a later time moves the clock there first.
    pub(super) fn deliver(&mut self, mut message: Message, at: Option<Timestamp>) -> Result<(), Fault> {
        let occurred_at = at.unwrap_or(self.now);
        if occurred_at > self.now {
            self.advance(occurred_at)?;
        }
        message.occurred_at = occurred_at;
        message.received_at = self.now;
        if !self.messages.insert(message.message_id.clone()) {
            self.duplicates.push(message.message_id);
            return Ok(());
        }
        if let Admission::Quarantine { code, problems } = admit(&self.rules, &message) {
            let why: Vec<String> =
                problems.iter().map(|problem| format!("{}: {}", problem.pointer, problem.detail)).collect();
            self.quarantined.push((message.message_id, format!("{code}: {}", why.join("; "))));
            return Ok(());
        }
        let unique = engine::admit::unique_value(&self.rules, &message);
        if let Some(unique) = &unique
            && self.uniques.contains(unique)
        {
            self.duplicates.push(message.message_id);
            return Ok(());
        }
        // What fails half-way leaves nothing behind, as in a commit.
        let before = self.clone();
        let id = message.message_id.clone();
        if let Err(fault) = self.resolved(message, occurred_at) {
            *self = before;
            self.quarantined.push((id, format!("fault: {fault}")));
            return Ok(());
        }
        self.uniques.extend(unique);
        Ok(())
    }

    fn resolved(&mut self, message: Message, at: Timestamp) -> Result<(), Fault> {
        let owner = |identity: Identity| {
            let profile = self.living(*self.identities.get(&identity)?);
            let known = self.profiles.get(&profile).is_some_and(|it| it.standing == Standing::Known);
            Some(Owner { profile, known })
        };
        let user = |id: &Option<String>| owner(Identity::User(id.clone()?));
        let anonymous = |id: &Option<String>| owner(Identity::Anonymous(id.clone()?));
        let known = Known {
            user: user(&message.user_id),
            anonymous: anonymous(&message.anonymous_id),
            previous: user(&message.previous_id).or_else(|| anonymous(&message.previous_id)),
        };
        let resolution = resolve(&message, known);
        let target = resolution.target;
        self.bring_up(target, at)?;
        for from in resolution.merges {
            self.merge(from, target, at)?;
        }
        self.bring_up(target, at)?;
        let what =
            format!("{} ({})", message.event.as_deref().unwrap_or(message.kind.as_str()), message.message_id);
        let id = message.message_id.clone();
        let input = Input::Message(Arc::new(message), resolution.claims.clone());
        self.decide(target, &input, at, &what, Some(id))?;
        self.identities.extend(resolution.claims.into_iter().map(|identity| (identity, target)));
        Ok(())
    }

    fn merge(&mut self, from: ProfileId, into: ProfileId, at: Timestamp) -> Result<(), Fault> {
        self.bring_up(from, at)?;
        let Some(state) = self.profiles.get(&from).cloned() else { return Ok(()) };
        let identities = state.identities.clone();
        self.decide(from, &Input::MergeOut { into }, at, "merge_out", None)?;
        self.decide(into, &Input::MergeIn { from, state: Box::new(state) }, at, "merge_in", None)?;
        self.identities.extend(identities.iter().map(|identity| (identity.clone(), into)));
        Ok(())
    }

    /// Fires what was due for a profile.
    fn bring_up(&mut self, id: ProfileId, until: Timestamp) -> Result<(), Fault> {
        for _ in 0..TIMERS_AT_ONCE_MAX {
            let due = self.profiles.get(&id).filter(|it| it.is_active()).and_then(|it| it.due_before(until));
            let Some(due) = due else { return Ok(()) };
            self.decide(id, &Input::Timer, due, "timer", None)?;
        }
        Ok(())
    }

    /// Somebody's order. A refusal is noted, and is no fault.
    pub(super) fn order(&mut self, member: &str, reason: &str, order: Order, what: &str) {
        let Some(id) = self.member(member).map(|profile| profile.id) else {
            self.refused.push(format!("{what}: nobody has the id `{member}`"));
            return;
        };
        let before = self.clone();
        let command = Command { actor: "the case".into(), reason: reason.to_owned(), order };
        let erases = matches!(command.order, Order::Erase);
        let now = self.now;
        let done =
            self.bring_up(id, now).and_then(|()| self.decide(id, &Input::Command(command), now, what, None));
        match done {
            Err(fault) => {
                *self = before;
                self.refused.push(format!("{what}: {fault}"));
            }
            Ok(()) if erases => self.identities.retain(|_, profile| *profile != id),
            Ok(()) => {}
        }
    }

    /// What an event's reactors posted for a member, with ids.
    pub(super) fn posted(&self, message_id: &str, reactor: Option<&str>) -> Vec<(GroupId, PostingGroup)> {
        self.history
            .iter()
            .filter(|it| it.message_id.as_deref() == Some(message_id))
            .flat_map(|it| {
                (0_u16..)
                    .zip(&it.decision.groups)
                    .map(|(index, group)| (GroupId { profile: it.profile, n: it.n, index }, group.clone()))
            })
            .filter(|(_, group)| reactor.is_none() || group.reactor.as_deref() == reactor)
            .collect()
    }

    /// Decides an input, writes it down, applies it.
    fn decide(
        &mut self,
        id: ProfileId,
        input: &Input,
        occurred_at: Timestamp,
        what: &str,
        message_id: Option<String>,
    ) -> Result<(), Fault> {
        let before = self.profiles.get(&id).cloned().unwrap_or_else(|| Profile::new(id));
        let times = Times::new(occurred_at, self.now.max(before.decided_at));
        let mut counters = self.counters.clone();
        let mut proposal = decide_traced(&self.rules, &before, input, times)?;
        let (decision, trace) = loop {
            match proposal {
                Proposal::Decided(decision, trace) => break (*decision, trace),
                Proposal::Demands(demand, suspended) => {
                    let (granted, n) = grant(&mut counters, &demand);
                    proposal = settle(suspended, granted, n)?;
                }
            }
        };
        let writing = Writing {
            profile: id,
            n: before.n + 1,
            times,
            epoch: self.rules.epoch,
            key: None,
            unique: None,
            input,
            payload: None,
            decision: &decision,
            previous: before.tail,
            salt: [0; 16],
        };
        let encoded = record::encode(&writing);
        let mut after = before;
        evolve_written(&mut after, &writing, &encoded);
        self.counters = counters;
        let happened = Happened {
            profile: id,
            n: after.n,
            at: occurred_at,
            what: what.to_owned(),
            message_id,
            decision,
            trace,
        };
        self.profiles.insert(id, after);
        self.history.push(happened);
        Ok(())
    }
}

impl Happened {
    /// What it would send: channel, reactor, payload as JSON text.
    pub(super) fn outbox(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.decision.effects.iter().filter_map(|effect| match effect {
            Effect::Outbox(channel, reactor, payload) => Some((&**channel, &**reactor, payload.as_str())),
            _ => None,
        })
    }
}

/// Grants the whole, a part, or nothing of a shared counter.
fn grant(counters: &mut BTreeMap<String, (i64, u64)>, demand: &CounterDemand) -> (i64, u64) {
    let (used, n) = counters.entry(demand.counter.clone()).or_default();
    let left = (demand.ceiling - *used).max(0);
    let granted = match demand.amount {
        amount if amount <= left => amount,
        _ if demand.part => left,
        _ => 0,
    };
    *used += granted;
    *n += 1;
    (granted, *n)
}
