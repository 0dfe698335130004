//! One reactor considered: what may stop it, in this order: switched off, schedule, depth, condition, limits,
//! amounts that cannot be worked out, a wallet that is short, the budget.

use std::{borrow::Cow, collections::BTreeMap};

use program::{
    Key,
    expression::{Expression, Value},
    kinds::reactor::{Action, LimitWindow, Reactor},
};

use super::work::{Cause, Step, Stop, Work};
use crate::{
    EMIT_DEPTH_MAX, Effect, Stopped, calendar,
    decision::{Considered, LimitSeen},
    profile::Firings,
    view,
};

/// What stopped a reactor: the code for the record, and words for people.
pub(super) type Stopping = (Stopped, Cow<'static, str>);

impl<'a> Work<'a> {
    pub(super) fn consider(&mut self, step: &Step<'a>, at: usize) -> Result<(), Stop> {
        let rules = self.rules;
        let Some((key, reactor)) = rules.program.reactors.get(at) else { return Ok(()) };
        let mut considered = self.trace.is_some().then(|| self.look(step, key, reactor));
        let did = match self.stopped(step, key, reactor) {
            Some(stopping) => Err(stopping),
            None => self.fire(step, key, reactor)?,
        };
        let stopped = match did {
            Ok(did) => {
                if let Some(considered) = &mut considered {
                    considered.did = did;
                }
                None
            }
            Err((stopped, words)) => {
                if let Some(considered) = &mut considered {
                    considered.stopped = Some(words.into_owned());
                }
                Some(stopped)
            }
        };
        if stopped.is_some() {
            self.outcome(step.number, key, stopped);
        }
        self.considered(considered);
        Ok(())
    }

    /// What stops it before its actions are worked out.
    fn stopped(&self, step: &Step<'a>, key: &Key, reactor: &Reactor) -> Option<Stopping> {
        if self.rules.switched_off.contains(key) {
            return Some((Stopped::SwitchedOff, "it is switched off in this environment".into()));
        }
        let at = self.times.occurred_at;
        if let Some(from) = reactor.from.filter(|from| at < *from) {
            return Some((Stopped::Schedule, format!("it begins at {from}, this happened at {at}").into()));
        }
        if let Some(until) = reactor.until.filter(|until| at >= *until) {
            return Some((Stopped::Schedule, format!("it ended at {until}, this happened at {at}").into()));
        }
        let emits = |action: &Action| matches!(action, Action::EmitEvent { .. });
        if step.depth >= EMIT_DEPTH_MAX && reactor.actions.iter().any(emits) {
            let words =
                format!("it would emit an event {} deep, {EMIT_DEPTH_MAX} is the most", step.depth + 1);
            return Some((Stopped::Depth, words.into()));
        }
        if let Some(condition) = &reactor.condition {
            match self.evaluate(step, condition) {
                Ok(Value::Bool(true)) => {}
                Ok(_) => return Some((Stopped::Condition, "its condition does not hold".into())),
                Err(why) => {
                    return Some((
                        Stopped::Error,
                        format!("its condition cannot be evaluated: {why}").into(),
                    ));
                }
            }
        }
        (0_u16..).zip(self.limits(key, reactor)).find(|(_, seen)| seen.used >= seen.count).map(
            |(place, seen)| {
                let words = match seen.window {
                    "lifetime" => format!("it may fire {} times for a member in all, and has", seen.count),
                    window => format!("it may fire {} times a {window} for a member, and has", seen.count),
                };
                (Stopped::Limit(place, seen.count), words.into())
            },
        )
    }

    /// Its limits as they stand. A window so long ago that it is no longer counted passes for used up: an
    /// event that comes that late must not go beyond the limit.
    fn limits(&self, key: &Key, reactor: &Reactor) -> Vec<LimitSeen> {
        if reactor.limits.is_empty() {
            return Vec::new();
        }
        let day = calendar::day_of(&self.rules.program.settings.time_zone, self.times.occurred_at);
        let firings = self.profile.fired.get(key.as_str());
        reactor
            .limits
            .iter()
            .map(|limit| {
                let used = match (firings, calendar::limit_window(limit.window, day)) {
                    (None, _) => 0,
                    (Some(firings), None) => firings.lifetime,
                    (Some(firings), Some(window)) => used_in(firings, window, limit.count),
                };
                LimitSeen { window: calendar::limit_word(limit.window), used, count: limit.count }
            })
            .collect()
    }

    /// Counts a firing.
    pub(super) fn fired(&mut self, step: u16, key: &Key, reactor: &Reactor) -> Result<(), Stop> {
        self.outcome(step, key, None);
        if reactor.limits.iter().any(|limit| limit.window != LimitWindow::Lifetime) {
            let day = calendar::day_of(&self.rules.program.settings.time_zone, self.times.occurred_at);
            self.effect(Effect::Fired(key.shared(), calendar::limit_windows(day)))?;
        }
        Ok(())
    }

    pub(super) fn evaluate(&self, step: &Step<'a>, expression: &Expression) -> Result<Value, String> {
        let event = match &step.cause {
            Cause::Event(event) => Some(event),
            Cause::Entered(_) | Cause::Left(_) => None,
        };
        expression.evaluate(&self.view(event)).map_err(|why| why.to_string())
    }

    /// For the trace: the reactor before anything is done.
    fn look(&self, step: &Step<'a>, key: &Key, reactor: &Reactor) -> Considered {
        let (cause, event) = match &step.cause {
            Cause::Entered(audience) => (format!("entered {audience}"), None),
            Cause::Left(audience) => (format!("left {audience}"), None),
            Cause::Event(event) => {
                let name = event.key.as_ref().map_or(&*event.name, Key::as_str);
                (format!("{} {name}", if step.number == 0 { "event" } else { "emitted event" }), Some(event))
            }
        };
        let saw = reactor
            .condition
            .as_ref()
            .map_or_else(BTreeMap::new, |condition| view::seen(condition, &self.view(event)));
        Considered {
            step: step.number,
            cause,
            reactor: key.clone(),
            condition: reactor.condition.as_ref().map(|condition| condition.source.as_ref().to_owned()),
            saw,
            limits: self.limits(key, reactor),
            stopped: None,
            did: Vec::new(),
        }
    }
}

fn used_in(firings: &Firings, window: (u8, i32), count: u32) -> u32 {
    if let Some(used) = firings.windows.get(&window) {
        return *used;
    }
    let mut kept = firings.windows.range((window.0, i32::MIN)..=(window.0, i32::MAX));
    let forgotten =
        kept.next().is_some_and(|(oldest, _)| window < *oldest) && kept.count() + 1 >= Firings::KEPT;
    if forgotten { count } else { 0 }
}
