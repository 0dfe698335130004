//! The replay fold: decided records decided again, compared, and shown as view rows. Used by `verify`, by
//! rebuilding and by rehearsals.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    Decision, Demanded, Effect, Fault, Fields, Input, Message, MessageKind, Profile, Proposal, Rules, Source,
    Times, decide,
    record::{Opened, Recorded, is_same},
};

/// Decides an opened record again, and goes on to the state after it: what [`crate::evolve`] comes to if the decision is
/// the one that the record [holds](Opened::holds). The state before it is used up, so that nothing of it has to be
/// copied.
pub fn retrace(
    rules: &Rules,
    state: Profile,
    opened: &Opened<'_>,
    history: &Arc<[Message]>,
) -> Result<(Decision, Profile), Fault> {
    let place = || format!("record {}/{} ({})", opened.profile(), opened.n(), opened.kind());
    let mut upgrade = None;
    let input = match opened.input() {
        Some(input) => with_history(input, history, &mut upgrade),
        None => return Err(Fault::new("record", place(), "its body has been erased")),
    };
    let grants = if rules.index.has_budgets() {
        opened.grants().map_err(|error| Fault::new("record", place(), error.to_string()))?
    } else {
        Vec::new()
    };
    match decide::reckon(rules, state, input, opened.times(), &grants, false) {
        Ok((decision, _, mut after)) => {
            after.tail = opened.hash();
            Ok((decision, after))
        }
        Err(decide::Stop::Fault(fault)) => Err(fault),
        Err(decide::Stop::Demand(demand)) => Err(not_granted(demand)),
    }
}

/// Why an input that is not to be recorded comes to nothing.
#[derive(Debug)]
pub enum Unplayed {
    /// It cannot be decided.
    Fault(Fault),
    /// First this must be granted.
    Demands(decide::CounterDemand),
}

/// Decides an input that is not to be recorded, with the grants given so far, and gives the state after it: a
/// rehearsal's candidate.
pub fn play(
    rules: &Rules,
    state: &Profile,
    input: &Input,
    times: Times,
    grants: &[Demanded],
) -> Result<(Decision, Profile), Unplayed> {
    match decide::reckon(rules, state.clone(), input, times, grants, false) {
        Ok((decision, _, after)) => Ok((decision, after)),
        Err(decide::Stop::Fault(fault)) => Err(Unplayed::Fault(fault)),
        Err(decide::Stop::Demand(demand)) => Err(Unplayed::Demands(demand)),
    }
}

/// An upgrade as it was decided: with the history that its record does not keep.
fn with_history<'a>(input: &'a Input, history: &Arc<[Message]>, upgrade: &'a mut Option<Input>) -> &'a Input {
    match input {
        Input::Upgrade { react, .. } => {
            upgrade.insert(Input::Upgrade { react: *react, history: Arc::clone(history) })
        }
        other => other,
    }
}

fn not_granted(demand: decide::CounterDemand) -> Fault {
    Fault::new("grants", demand.counter, "the record does not have the grant that is asked for")
}

/// Decides a recorded input again, under the rules of its epoch and with the grants it was given, and tells what it saw.
/// `state` is the profile before it; `history` is only read for an upgrade (see [`Input::Upgrade`]).
pub fn redecide_traced(
    rules: &Rules,
    state: &Profile,
    recorded: &Recorded,
    history: &Arc<[Message]>,
) -> Result<Proposal, Fault> {
    let mut upgrade = None;
    let input = match &recorded.input {
        Some(input) => with_history(input, history, &mut upgrade),
        None => return Err(Fault::new("record", place(recorded), "its body has been erased")),
    };
    decide::decide_with(rules, state, input, recorded.times, &recorded.decision.grants, true)
}

/// What is wrong when a record does not continue a state: another stream, another position, another chain.
pub fn misfit(state: &Profile, opened: &Opened<'_>) -> Option<String> {
    if opened.profile() != state.id {
        return Some(format!("it is a record of profile {}", opened.profile()));
    }
    let follows = opened.n() == state.n + 1 && opened.previous() == state.tail;
    (!follows).then(|| format!("it does not follow record {} of its stream", state.n))
}

/// The first difference between what was recorded and what is decided now, in words; `None` when they are
/// equal to the byte.
pub fn difference(recorded: &Decision, decided: &Decision) -> Option<String> {
    if is_same(recorded, decided) {
        return None;
    }
    first("outcome", &recorded.outcomes, &decided.outcomes)
        .or_else(|| first("posting group", &recorded.groups, &decided.groups))
        .or_else(|| first("grant", &recorded.grants, &decided.grants))
        .or_else(|| first("effect", &recorded.effects, &decided.effects))
        .or_else(|| Some("they differ in the writing of a number only".into()))
}

fn first<T: PartialEq + std::fmt::Debug>(what: &str, recorded: &[T], decided: &[T]) -> Option<String> {
    let longest = recorded.len().max(decided.len());
    (0..longest).find_map(|at| match (recorded.get(at), decided.get(at)) {
        (Some(then), Some(now)) if then == now => None,
        (Some(then), Some(now)) => Some(format!("{what} {at} was {then:?}, now it is {now:?}")),
        (Some(then), None) => Some(format!("{what} {at} was {then:?}, now there is none")),
        (None, Some(now)) => Some(format!("{what} {at} was not there, now it is {now:?}")),
        (None, None) => None,
    })
}

fn place(recorded: &Recorded) -> String {
    format!("record {}/{} ({})", recorded.profile, recorded.n, recorded.kind)
}

/// What a record adds to its profile's history: its message, and the events that reactors emitted.
pub fn history_of(recorded: &Recorded) -> Vec<Message> {
    let mut history = Vec::new();
    let occurred_at = recorded.times.occurred_at;
    if let Some(Input::Message(message, _)) = &recorded.input {
        history.push(Message { occurred_at, ..Message::clone(message) });
    }
    for effect in &recorded.decision.effects {
        let Effect::Emitted(step, name, properties) = effect else { continue };
        history.push(Message {
            message_id: format!("{}/{}/{step}", recorded.profile, recorded.n),
            kind: MessageKind::Track,
            user_id: None,
            anonymous_id: None,
            previous_id: None,
            event: Some(name.as_ref().into()),
            properties: serde_json::from_str(properties).unwrap_or_default(),
            traits: Fields::default(),
            context: Fields::default(),
            occurred_at,
            received_at: recorded.times.decided_at,
            source: Source::Server,
            other: Fields::default(),
        });
    }
    history
}

/// What changed in the views that hang on a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewChange {
    /// Memberships gained, with the time (also when it left and entered again).
    pub entered: Vec<(Arc<str>, Timestamp)>,
    /// Memberships lost.
    pub left: Vec<Arc<str>>,
    /// Search terms gained: trait key and normalised value.
    pub found_by: Vec<(Arc<str>, String)>,
    /// Search terms lost.
    pub no_longer_found_by: Vec<(Arc<str>, String)>,
}

/// The difference between two states of a profile as view rows; `before` is `None` for a new profile, or to
/// get all of its rows. What makes a profile findable is in its state, so that live and rebuilding agree.
pub fn project(before: Option<&Profile>, after: &Profile) -> ViewChange {
    let mut change = ViewChange::default();
    for (key, since) in after.audiences.iter() {
        if before.and_then(|before| before.audiences.get(key)) != Some(since) {
            change.entered.push((Arc::clone(key), *since));
        }
    }
    for key in before.into_iter().flat_map(|before| before.audiences.keys()) {
        if !after.audiences.contains_key(key) {
            change.left.push(Arc::clone(key));
        }
    }
    for key in after.searchable.iter() {
        let (was, now) = (before.and_then(|before| term_of(before, key)), term_of(after, key));
        if was != now {
            change.found_by.extend(now.map(|term| (Arc::clone(key), term)));
        }
    }
    for key in before.into_iter().flat_map(|before| before.searchable.iter()) {
        let (was, now) = (before.and_then(|before| term_of(before, key)), term_of(after, key));
        if was != now {
            change.no_longer_found_by.extend(was.map(|term| (Arc::clone(key), term)));
        }
    }
    change
}

fn term_of(profile: &Profile, key: &Arc<str>) -> Option<String> {
    let text = profile.traits.get(key).filter(|_| profile.searchable.contains(key))?;
    match serde_json::from_str(text).ok()? {
        serde_json::Value::String(text) => Some(search_term(&text)),
        serde_json::Value::Number(number) => Some(search_term(&number.to_string())),
        serde_json::Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// A search term in the form in which it is kept: trimmed, lower case, at most 256 characters. Searches
/// bring what was typed into the same form.
pub fn search_term(text: &str) -> String {
    text.trim().to_lowercase().chars().take(256).collect()
}
