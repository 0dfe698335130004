//! How alike two programs are: where they cannot decide differently, a rehearsal need not decide twice.

use std::{collections::BTreeSet, sync::Arc};

use program::{
    Key, Kind,
    kinds::reactor::{Action, Reactor, Trigger},
};

use crate::{Decision, Effect, Input, MessageKind, Rules, Stopped};

/// What is different between two programs that differ in nothing but reactors.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    /// Reactors that are considered alike, and do other things once they fire.
    deeds: BTreeSet<Arc<str>>,
    /// What sets off those that are there on one side only, or are considered in another way.
    events: BTreeSet<Key>,
    entered: BTreeSet<Arc<str>>,
    left: BTreeSet<Arc<str>>,
    /// What sets off any that is different.
    events_of_all: BTreeSet<Key>,
    /// Whether one that is different can be set off by anything but the event that a message is, or any asks a budget.
    from_within: bool,
}

impl Likeness {
    /// Compares two sets of rules; `None` when they differ in more than reactors.
    pub fn of(one: &Rules, other: &Rules) -> Option<Self> {
        let (ours, theirs) = (&one.program, &other.program);
        let apart = |kind: &Kind| *kind != Kind::Reactor;
        let rest = |program: &program::Program| {
            let specs = program.specs.iter().filter(|(address, _)| apart(&address.kind));
            specs.map(|(address, hash)| (address.clone(), *hash)).collect::<Vec<_>>()
        };
        if one.constants != other.constants
            || one.switched_off != other.switched_off
            || one.live != other.live
            || rest(ours) != rest(theirs)
        {
            return None;
        }
        let mut likeness = Self::default();
        for address in ours.specs.keys().chain(theirs.specs.keys()).filter(|address| !apart(&address.kind)) {
            if ours.specs.get(address) == theirs.specs.get(address) {
                continue;
            }
            let (one, other) = (reactor(ours, &address.key), reactor(theirs, &address.key));
            for reactor in [one, other].into_iter().flatten() {
                likeness.reach(&reactor.trigger);
            }
            match (one, other) {
                (Some(one), Some(other)) if considered_alike(one, other) => {
                    likeness.deeds.insert(address.key.shared());
                }
                _ => {
                    for reactor in [one, other].into_iter().flatten() {
                        likeness.part_on(&reactor.trigger);
                    }
                }
            }
        }
        let emitted = [ours, theirs].into_iter().flat_map(|program| &program.reactors).flat_map(emits);
        let emitted: BTreeSet<&Key> = emitted.collect();
        likeness.from_within |= likeness.events_of_all.iter().any(|event| emitted.contains(event));
        // What others have taken from a shared budget may be different for everybody.
        likeness.from_within |= one.index.has_budgets() || other.index.has_budgets();
        Some(likeness)
    }

    fn reach(&mut self, trigger: &Trigger) {
        match trigger {
            Trigger::Event(event) => drop(self.events_of_all.insert(event.clone())),
            Trigger::AudienceEntered(_) | Trigger::AudienceLeft(_) => self.from_within = true,
        }
    }

    fn part_on(&mut self, trigger: &Trigger) {
        match trigger {
            Trigger::Event(event) => drop(self.events.insert(event.clone())),
            Trigger::AudienceEntered(audience) => drop(self.entered.insert(audience.shared())),
            Trigger::AudienceLeft(audience) => drop(self.left.insert(audience.shared())),
        }
    }

    /// Whether an input could be decided differently, as far as can be said before it is decided. `rules`: either side's.
    pub fn may_part(&self, rules: &Rules, input: &Input) -> bool {
        match input {
            Input::Message(..) => {
                self.from_within
                    || event_of(rules, input).is_some_and(|event| self.events_of_all.contains(event))
            }
            Input::Timer | Input::Command(_) => self.from_within,
            Input::Upgrade { .. } | Input::MergeOut { .. } | Input::MergeIn { .. } => true,
        }
    }

    /// Whether the other side could decide otherwise than this, from the same state. Never so where
    /// [`Likeness::may_part`] says no.
    pub fn parts(&self, rules: &Rules, input: &Input, decision: &Decision) -> bool {
        let at_once = match input {
            Input::Message(..) => event_of(rules, input).is_some_and(|event| self.events.contains(event)),
            Input::Timer | Input::Command(_) => false,
            // The other side has upgrades of its own: this one may have said where the profile stands, and nothing else.
            Input::Upgrade { .. } => {
                !decision.outcomes.is_empty()
                    || !decision.groups.is_empty()
                    || !decision
                        .effects
                        .iter()
                        .all(|effect| matches!(effect, Effect::Basis(_) | Effect::Declared(_)))
            }
            // How one stood when they were merged is asked for by the other.
            Input::MergeOut { .. } | Input::MergeIn { .. } => true,
        };
        at_once
            || !decision.grants.is_empty()
            || decision.outcomes.iter().any(|outcome| {
                // What is looked at before its actions are is the same on both sides.
                !matches!(
                    outcome.stopped,
                    Some(
                        Stopped::Condition
                            | Stopped::Schedule
                            | Stopped::SwitchedOff
                            | Stopped::Depth
                            | Stopped::Limit(..)
                    )
                ) && self.deeds.contains(&outcome.reactor)
            })
            || decision.effects.iter().any(|effect| match effect {
                Effect::Entered(audience, _) => self.entered.contains(audience),
                Effect::Left(audience, _) => self.left.contains(audience),
                Effect::Emitted(_, name, _) => {
                    rules.program.event_names.get(name).is_some_and(|event| self.events.contains(event))
                }
                _ => false,
            })
    }
}

fn reactor<'a>(program: &'a program::Program, key: &Key) -> Option<&'a Reactor> {
    program.reactors.iter().find(|(of, _)| of == key).map(|(_, reactor)| reactor)
}

fn emits((_, reactor): &(Key, Reactor)) -> impl Iterator<Item = &Key> {
    reactor.actions.iter().filter_map(|action| match action {
        Action::EmitEvent { event, .. } => Some(event),
        _ => None,
    })
}

/// Whether the same stops both before their actions are worked out, and they take their turn at the same place.
fn considered_alike(one: &Reactor, other: &Reactor) -> bool {
    let condition = |reactor: &Reactor| reactor.condition.as_ref().map(|it| Arc::clone(&it.source));
    let emits =
        |reactor: &Reactor| reactor.actions.iter().any(|action| matches!(action, Action::EmitEvent { .. }));
    one.trigger == other.trigger
        && condition(one) == condition(other)
        && (one.from, one.until, one.priority) == (other.from, other.until, other.priority)
        && one.limits == other.limits
        && emits(one) == emits(other)
}

/// The event type that a message is of.
fn event_of<'a>(rules: &'a Rules, input: &Input) -> Option<&'a Key> {
    let Input::Message(message, _) = input else { return None };
    let name = match message.kind {
        MessageKind::Track => message.event.as_deref()?,
        MessageKind::Page | MessageKind::Screen => message.kind.as_str(),
        MessageKind::Identify | MessageKind::Group | MessageKind::Alias => return None,
    };
    rules.program.event_names.get(name)
}
