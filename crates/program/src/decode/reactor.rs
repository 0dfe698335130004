//! `reactor/KEY`: trigger, condition, schedule, limits, budget. Its actions are in [`actions`].

mod actions;

use super::{Fields, Reader, View};
use crate::{
    Key, Kind,
    check::{Declarations, EventContext},
    expression::ValueType,
    kinds::reactor::{Action, Budget, Limit, LimitWindow, Reactor, Trigger, WhenShort},
};
use jiff::Timestamp;

pub(crate) const FIELDS: &[&str] =
    &["description", "trigger", "condition", "schedule", "priority", "limits", "budget", "actions"];

/// The words for the span of a limit.
pub(crate) const LIMIT_WINDOWS: &[(&str, LimitWindow)] = &[
    ("lifetime", LimitWindow::Lifetime),
    ("day", LimitWindow::Day),
    ("week", LimitWindow::Week),
    ("month", LimitWindow::Month),
    ("year", LimitWindow::Year),
];
/// The words for what to do when there is less than asked for.
pub(crate) const WHEN_SHORT: &[(&str, WhenShort)] =
    &[("part", WhenShort::Part), ("nothing", WhenShort::Nothing)];

/// What a reactor's expressions may read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) declared: &'a Declarations,
    pub(crate) event: EventContext<'a>,
}

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>, declared: &Declarations) -> Option<Reactor> {
    let fields = spec.fields(reader, "a reactor", FIELDS)?;
    let trigger = fields.read("trigger", |view| trigger(reader, view, declared));
    let event = match &trigger {
        Some(Trigger::Event(key)) => EventContext::Of(key),
        Some(_) => EventContext::None,
        None => EventContext::Faulty,
    };
    let context = Context { declared, event };
    let condition = fields.optional("condition", |view| {
        view.expression(reader, &declared.scope(event), Some(&ValueType::Bool))
    });
    let schedule = fields.or("schedule", (None, None), |view| schedule(reader, view));
    let priority = fields.or("priority", 0, |view| view.int(reader, -1_000_000..=1_000_000));
    let limits = fields.or("limits", Vec::new(), |view| limits(reader, view));
    let actions = fields.read("actions", |view| actions(reader, view, context));
    let budget = fields.optional("budget", |view| budget(reader, view, declared, actions.as_deref()));
    let description = fields.description();
    fields.all_known()?;
    let (from, until) = schedule?;
    Some(Reactor {
        trigger: trigger?,
        condition: condition?,
        from,
        until,
        priority: priority?,
        limits: limits?,
        budget: budget?,
        actions: actions?,
        description: description?,
    })
}

fn trigger(reader: &Reader<'_>, view: &View<'_>, declared: &Declarations) -> Option<Trigger> {
    let (which, target) =
        view.one_of(reader, "a trigger", &["event", "audience_entered", "audience_left"])?;
    let key = |kind| declared.reference(reader, &target, kind);
    Some(match which {
        "event" => Trigger::Event(key(Kind::EventType)?),
        "audience_entered" => Trigger::AudienceEntered(key(Kind::Audience)?),
        _ => Trigger::AudienceLeft(key(Kind::Audience)?),
    })
}

fn schedule(reader: &Reader<'_>, view: &View<'_>) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    let fields = view.fields(reader, "a schedule", &["from", "until"])?;
    let from = fields.optional("from", |view| view.moment(reader));
    let until = fields.optional("until", |view| view.moment(reader));
    fields.all_known()?;
    let (from, until) = (from?, until?);
    if let (Some(begin), Some(end)) = (from, until)
        && end <= begin
    {
        let message = "the schedule ends before it begins";
        reader.fault(view, "out_of_range", message, "`until` must be later than `from`.");
        return None;
    }
    Some((from, until))
}

/// All items of a list, or nothing when one is faulty; every item is read.
fn all<'a, T>(items: Vec<View<'a>>, read: impl FnMut(View<'a>) -> Option<T>) -> Option<Vec<T>> {
    let read: Vec<Option<T>> = items.into_iter().map(read).collect();
    read.into_iter().collect()
}

fn limits(reader: &Reader<'_>, view: &View<'_>) -> Option<Vec<Limit>> {
    let items = view.items(reader, "a list of limits")?;
    all(items, |view| {
        let fields = view.fields(reader, "a limit", &["count", "window"])?;
        let count = fields.read("count", |view| view.int(reader, 1..=u32::MAX));
        let window = fields.or("window", LimitWindow::Lifetime, |view| view.word(reader, LIMIT_WINDOWS));
        fields.all_known()?;
        Some(Limit { count: count?, window: window? })
    })
}

fn budget(
    reader: &Reader<'_>,
    view: &View<'_>,
    declared: &Declarations,
    actions: Option<&[Action]>,
) -> Option<Budget> {
    let fields = view.fields(reader, "a budget", &["currency", "amount", "when_short"])?;
    let currency = currency(&fields, declared);
    let amount = fields.read("amount", |view| view.int(reader, 1..=i64::MAX));
    let when_short = when_short(&fields);
    fields.all_known()?;
    let currency = currency?;
    let awards = |action: &Action| matches!(action, Action::Award { currency: key, .. } if *key == currency);
    if actions.is_some_and(|actions| !actions.iter().any(awards)) {
        let message = format!("the budget limits `{currency}`, but no action awards it");
        reader.fault(view, "useless_budget", message, "Name the currency that the actions award.");
        return None;
    }
    Some(Budget { currency, amount: amount?, when_short: when_short? })
}

pub(crate) fn currency(fields: &Fields<'_, '_>, declared: &Declarations) -> Option<Key> {
    fields.read("currency", |view| declared.reference(fields.reader, view, Kind::Currency))
}

pub(crate) fn when_short(fields: &Fields<'_, '_>) -> Option<WhenShort> {
    fields.or("when_short", WhenShort::Nothing, |view| view.word(fields.reader, WHEN_SHORT))
}

fn actions(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Vec<Action>> {
    let items = view.items(reader, "a list of actions")?;
    if items.is_empty() {
        reader.fault(view, "missing_field", "a reactor needs at least one action", "");
        return None;
    }
    all(items, |view| actions::decode(reader, &view, context))
}
