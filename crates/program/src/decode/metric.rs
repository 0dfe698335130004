//! `metric/KEY`.

use super::{Reader, View, event_type::absent_path};
use crate::{
    Key, Kind,
    check::{Declarations, EventContext},
    document::tree::Tree,
    expression::{Expression, ValueType},
    kinds::metric::{Aggregate, Begin, Metric, Of, Window},
    schema::{self, Lookup},
};

pub(crate) const FIELDS: &[&str] = &["description", "event", "aggregate", "of", "where", "window", "begin"];

/// The words for how values are put together.
pub(crate) const AGGREGATES: &[(&str, Aggregate)] = &[
    ("count", Aggregate::Count),
    ("sum", Aggregate::Sum),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("last", Aggregate::Last),
];
/// The words for windows without a number.
pub(crate) const WINDOWS: &[(&str, Window)] = &[
    ("lifetime", Window::Lifetime),
    ("calendar_month", Window::CalendarMonth),
    ("calendar_year", Window::CalendarYear),
];
/// The words for what a metric begins with.
pub(crate) const BEGINS: &[(&str, Begin)] = &[("backfill", Begin::Backfill), ("now", Begin::Now)];

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>, declared: &Declarations) -> Option<Metric> {
    let fields = spec.fields(reader, "a metric", FIELDS)?;
    let event = fields.read("event", |view| declared.reference(reader, view, Kind::EventType));
    let aggregate = fields.read("aggregate", |view| view.word(reader, AGGREGATES));
    let of = match aggregate {
        None => None,
        Some(Aggregate::Count) => {
            if let Some(view) = fields.get("of") {
                let help = "Leave `of` out, or choose `sum`, `min`, `max` or `last`.";
                reader.fault(&view, "unknown_field", "`count` counts events and takes no `of`", help);
                None
            } else {
                Some((None, ValueType::Int))
            }
        }
        Some(aggregate) => fields.read("of", |view| of(reader, view, aggregate, event.as_ref(), declared)),
    };
    let filter = fields.optional("where", |view| filter(reader, view, event.as_ref(), declared));
    let window = fields.or("window", Window::Lifetime, |view| window(reader, view));
    let begin = fields.or("begin", Begin::Backfill, |view| view.word(reader, BEGINS));
    let description = fields.description();
    fields.all_known()?;
    let (of, value_type) = of?;
    Some(Metric {
        event: event?,
        aggregate: aggregate?,
        of,
        filter: filter?,
        window: window?,
        begin: begin?,
        value_type,
        description: description?,
    })
}

fn of(
    reader: &Reader<'_>,
    view: &View<'_>,
    aggregate: Aggregate,
    event: Option<&Key>,
    declared: &Declarations,
) -> Option<(Option<Of>, ValueType)> {
    if view.text(reader)? == "timestamp" {
        if aggregate == Aggregate::Sum {
            reader.fault(view, "wrong_type", "times cannot be summed", "Use `min`, `max` or `last`.");
            return None;
        }
        return Some((Some(Of::Timestamp), ValueType::Timestamp));
    }
    let path = view.property_path(reader)?;
    let Some(schema) = event.and_then(|key| declared.schemas.get(key)) else {
        // The event type is missing or faulty, which has been reported.
        return Some((Some(Of::Property(path)), ValueType::Any));
    };
    if aggregate != Aggregate::Last {
        number_path(reader, view, schema, &path)?;
        return Some((Some(Of::Property(path)), ValueType::Decimal));
    }
    let value_type = match schema::lookup(schema, &path) {
        Lookup::Open => ValueType::Any,
        Lookup::Named(named) => named.of_type,
        Lookup::Absent => {
            absent_path(reader, view, schema, &path);
            return None;
        }
    };
    if matches!(value_type, ValueType::List(_) | ValueType::Object(_)) {
        let message = format!("`properties.{}` is a list or an object", path.join("."));
        reader.fault(view, "bad_path", message, "A metric holds a single value.");
        return None;
    }
    Some((Some(Of::Property(path)), value_type))
}

/// Checks that a path leads to a number, as far as the schema says.
pub(crate) fn number_path(
    reader: &Reader<'_>,
    view: &View<'_>,
    schema: &serde_json::Value,
    path: &[String],
) -> Option<()> {
    match schema::lookup(schema, path) {
        Lookup::Open => Some(()),
        Lookup::Named(named) if matches!(named.of_type, ValueType::Int | ValueType::Decimal) => Some(()),
        Lookup::Named(named) => {
            let message = format!("`properties.{}` is not a number", path.join("."));
            let help = match named.of_type {
                ValueType::String => "Where a text holds a decimal, say `format: decimal` in the schema.",
                ValueType::Any => "Give it `type: number` (or `integer`) in the schema.",
                _ => "",
            };
            reader.fault(view, "bad_path", message, help);
            None
        }
        Lookup::Absent => {
            absent_path(reader, view, schema, path);
            None
        }
    }
}

/// A metric is counted anew from history, where nothing but the event itself is known.
fn filter(
    reader: &Reader<'_>,
    view: &View<'_>,
    event: Option<&Key>,
    declared: &Declarations,
) -> Option<Expression> {
    let filter = view.expression(reader, &declared.scope(EventContext::of(event)), Some(&ValueType::Bool))?;
    match filter.references.iter().find(|address| address.kind != Kind::Constant) {
        None => Some(filter),
        Some(address) => {
            reader.fault(
                view,
                "not_allowed_here",
                format!("a metric's `where` cannot read `{address}`"),
                "It may read the event and constants; put conditions on the profile into the reactor or audience.",
            );
            None
        }
    }
}

fn window(reader: &Reader<'_>, view: &View<'_>) -> Option<Window> {
    if let Tree::Map(_) = view.node.tree {
        let fields = view.fields(reader, "a rolling window", &["rolling_days"])?;
        let days = fields.read("rolling_days", |view| view.int(reader, 1..=366u16));
        fields.all_known()?;
        return Some(Window::RollingDays(days?));
    }
    if let Tree::String(text) = &view.node.tree
        && &*text.value == "rolling_days"
    {
        reader.fault(view, "wrong_type", "how many days?", "Write `{rolling_days: 30}`.");
        return None;
    }
    view.word(reader, WINDOWS)
}
