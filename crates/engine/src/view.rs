//! What conditions and amounts read: a profile as of a moment, and the event at hand.

use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
    sync::Arc,
};

use jiff::Timestamp;
use program::{
    Key,
    expression::{Facts, Value, ValueType},
    kinds::metric::{Aggregate, Metric},
};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::{
    Fields, Profile, Rules, apply, calendar,
    profile::{MetricState, Observed},
    values,
};

/// An event as reactors and metrics see it.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    /// The declared type, if there is one.
    pub(crate) key: Option<Key>,
    /// The name on the wire.
    pub(crate) name: Arc<str>,
    pub(crate) properties: Cow<'a, Fields>,
    pub(crate) at: Timestamp,
    /// Lists and objects among the properties that conditions have read: they are not made again for the next.
    pub(crate) read: Read,
}

/// Properties read, by path.
type Read = RefCell<Vec<(Box<[Arc<str>]>, Option<Value>)>>;

impl<'a> Event<'a> {
    /// The event type that a name on the wire stands for. Pages and screens are events named `page` and
    /// `screen`.
    pub(crate) fn of(rules: &Rules, message: &'a crate::Message, at: Timestamp) -> Option<Self> {
        let name = match message.kind {
            crate::MessageKind::Track => message.event.as_deref().unwrap_or_default(),
            crate::MessageKind::Page => "page",
            crate::MessageKind::Screen => "screen",
            _ => return None,
        };
        let known = rules.program.event_names.get_key_value(name);
        Some(Self {
            key: known.map(|(_, key)| key.clone()),
            name: known.map_or_else(|| name.into(), |(name, _)| Arc::clone(name)),
            properties: Cow::Borrowed(&message.properties),
            at,
            read: Read::default(),
        })
    }

    /// The exact decimal at a path below `properties`.
    pub(crate) fn decimal(&self, rules: &Rules, path: &[String]) -> Option<Decimal> {
        let value = self.properties.at(path)?;
        values::exact(value, &rules.index.property_type(rules, self.key.as_ref(), path))
    }
}

/// A profile as of a moment. Windows are read as of `at`; memberships and balances as they are.
pub(crate) struct View<'a> {
    rules: &'a Rules,
    profile: &'a Profile,
    event: Option<&'a Event<'a>>,
    at: Timestamp,
    day: OnceCell<i32>,
}

impl<'a> View<'a> {
    pub(crate) fn new(
        rules: &'a Rules,
        profile: &'a Profile,
        event: Option<&'a Event<'a>>,
        at: Timestamp,
    ) -> Self {
        Self { rules, profile, event, at, day: OnceCell::new() }
    }
}

impl Facts for View<'_> {
    fn property(&self, path: &[Arc<str>], of_type: &ValueType) -> Option<Value> {
        let event = self.event?;
        let at = event.properties.at(path)?;
        if !at.is_nested() {
            return Value::from_json(at, of_type);
        }
        if let Some((_, read)) = event.read.borrow().iter().find(|(of, _)| **of == *path) {
            return read.clone();
        }
        let value = Value::from_json(at, of_type);
        event.read.borrow_mut().push((path.into(), value.clone()));
        value
    }

    fn items(&self, path: &[Arc<str>], of_type: &ValueType, wanted: &[Arc<str>]) -> Option<Value> {
        Value::narrowed(self.event?.properties.at(path)?, of_type, wanted)
    }

    fn event_name(&self) -> Option<Value> {
        self.event.map(|event| Value::String(Arc::clone(&event.name)))
    }

    fn event_timestamp(&self) -> Option<Value> {
        self.event.map(|event| Value::Timestamp(event.at))
    }

    fn profile_trait(&self, key: &str, of_type: &ValueType) -> Option<Value> {
        values::from_text(self.profile.traits.get(key)?, of_type)
    }

    fn metric(&self, key: &str) -> Option<Value> {
        let metric = self.rules.program.metrics.get(key)?;
        let zone = &self.rules.program.settings.time_zone;
        let day = *self.day.get_or_init(|| calendar::day_of(zone, self.at));
        metric_value(key, metric, self.profile.metrics.get(key).map(|state| &**state), day)
    }

    fn balance(&self, key: &str) -> i64 {
        let wallet = self.profile.wallets.0.iter().find(|(currency, _)| &*currency.0 == key);
        wallet.map_or(0, |(_, wallet)| wallet.available())
    }

    fn constant(&self, key: &str) -> Option<Value> {
        self.rules.constants.get(key).cloned()
    }

    fn in_audience(&self, key: &str) -> bool {
        self.profile.audiences.contains_key(key)
    }

    fn lent_property(&self, path: &[Arc<str>]) -> Option<&str> {
        self.event?.properties.at(path)?.text()
    }

    fn lent_trait(&self, key: &str) -> Option<&str> {
        values::plain_text(self.profile.traits.get(key)?)
    }
}

/// A metric's value as of a day, as expressions see it. `count` and `sum` are 0 where there is nothing, the others
/// absent.
fn metric_value(key: &str, metric: &Metric, state: Option<&MetricState>, day: i32) -> Option<Value> {
    match &*observed(key, metric, state, day)? {
        Observed::Count(n) => i64::try_from(*n).ok().map(Value::Int),
        Observed::Sum(d) | Observed::Min(d) | Observed::Max(d) => number(*d, &metric.value_type),
        Observed::Last(_, text) => values::from_text(text, &metric.value_type),
        Observed::Earliest(at) | Observed::Latest(at) => Some(Value::Timestamp(*at)),
    }
}

/// All that a metric observed in its window, as of a day.
fn observed<'a>(
    key: &str,
    metric: &Metric,
    state: Option<&'a MetricState>,
    day: i32,
) -> Option<Cow<'a, Observed>> {
    let (from, to) = calendar::reach(metric.window, day);
    let reached = state.map(|state| state.buckets.between(&from, &to)).unwrap_or_default();
    let mut buckets = reached.iter().map(|(_, it)| it);
    let Some(first) = buckets.next() else {
        return match metric.aggregate {
            Aggregate::Count => Some(Cow::Owned(Observed::Count(0))),
            Aggregate::Sum => Some(Cow::Owned(Observed::Sum(Decimal::ZERO))),
            Aggregate::Min | Aggregate::Max | Aggregate::Last => None,
        };
    };
    let mut total: Cow<'_, Observed> = Cow::Borrowed(first);
    for bucket in buckets {
        apply::join(key, total.to_mut(), bucket).ok()?;
    }
    Some(total)
}

fn number(decimal: Decimal, of_type: &ValueType) -> Option<Value> {
    let whole = decimal.normalize();
    match of_type {
        ValueType::Int if whole.scale() == 0 => i64::try_from(whole.mantissa()).ok().map(Value::Int),
        _ => values::decimal_value(decimal),
    }
}

/// The values of all metrics as of a moment, as expressions see them; absent ones are left out.
pub fn metric_values(rules: &Rules, profile: &Profile, at: Timestamp) -> Vec<(Key, Value)> {
    let view = View::new(rules, profile, None, at);
    rules.program.metrics.keys().filter_map(|key| Some((key.clone(), view.metric(key.as_str())?))).collect()
}

/// The same as JSON, for people and programs outside: decimals exact to the last digit, where an expression sees the
/// nearest double.
pub fn metrics_exact(rules: &Rules, profile: &Profile, at: Timestamp) -> Vec<(Key, Json)> {
    let day = calendar::day_of(&rules.program.settings.time_zone, at);
    let exact = |key: &Key, metric: &Metric| {
        let state = profile.metrics.get(key.as_str()).map(|state| &**state);
        match &*observed(key.as_str(), metric, state, day)? {
            Observed::Sum(d) | Observed::Min(d) | Observed::Max(d) => Some(values::decimal_json(*d)),
            Observed::Last(_, text) if metric.value_type == ValueType::Decimal => {
                values::exact(&serde_json::from_str(text).ok()?, &metric.value_type).map(values::decimal_json)
            }
            _ => metric_value(key.as_str(), metric, state, day).as_ref().map(Value::to_json),
        }
    };
    rules
        .program
        .metrics
        .iter()
        .filter_map(|(key, metric)| Some((key.clone(), exact(key, metric)?)))
        .collect()
}

/// Why a profile is in an audience, or is not: the condition as written, and what it reads, as JSON.
pub fn audience_reason(
    rules: &Rules,
    profile: &Profile,
    audience: &str,
    at: Timestamp,
) -> Option<(Arc<str>, std::collections::BTreeMap<String, Json>)> {
    let audience = rules.program.audiences.get(audience)?;
    let view = View::new(rules, profile, None, at);
    Some((Arc::clone(&audience.condition.source), seen(&audience.condition, &view)))
}

/// What an expression read, as JSON.
pub(crate) fn seen(
    expression: &program::expression::Expression,
    view: &View<'_>,
) -> std::collections::BTreeMap<String, Json> {
    expression
        .seen(view)
        .into_iter()
        .map(|(path, value)| (path.as_ref().to_owned(), value.as_ref().map_or(Json::Null, Value::to_json)))
        .collect()
}
