//! Each kind's canonical JSON.

use serde_json::{Map, Value};

use super::{Fields, reactor};
use crate::{
    Key,
    decode::{
        constant::type_word,
        currency::{ENDS, ROUNDING},
        event_type::ACCEPT_FROM,
        literal_of,
        metric::{AGGREGATES, BEGINS, WINDOWS},
        settings::ON_UNKNOWN,
    },
    document::number,
    expression::Expression,
    kinds::{
        Spec,
        audience::Audience,
        constant::Constant,
        currency::{Currency, Expiry, ExpiryEnd, Rounding},
        event_type::{AcceptFrom, EventType, OnUnknown},
        metric::{Begin, Metric, Of, Window},
        profile_trait::Trait,
        settings::Settings,
    },
};

pub(super) fn to_json(key: &Key, spec: &Spec) -> Value {
    match spec {
        Spec::Settings(settings) => settings_json(settings),
        Spec::Constant(constant) => constant_json(constant),
        Spec::Secret(secret) => Fields::default().maybe("description", secret.description.clone()).done(),
        Spec::EventType(event_type) => event_type_json(key, event_type),
        Spec::Trait(declared) => trait_json(key, declared),
        Spec::Metric(metric) => metric_json(metric),
        Spec::Audience(audience) => audience_json(audience),
        Spec::Currency(currency) => currency_json(currency),
        Spec::Reactor(reactor) => reactor::to_json(reactor),
    }
}

/// The word of a value in the table by which it is read.
pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    // The tables are complete; the tests encode every value.
    words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word)
}

pub(super) fn path(path: &[String]) -> String {
    format!("properties.{}", path.join("."))
}

/// Where a literal may stand: the literal, if the expression is one.
pub(super) fn value(expression: &Expression) -> Value {
    literal_of(&expression.source).unwrap_or_else(|| source(expression))
}

/// Where only an expression may stand.
pub(super) fn source(expression: &Expression) -> Value {
    Value::from(&*expression.source)
}

fn settings_json(settings: &Settings) -> Value {
    let mut fields = Fields::default();
    fields
        .unless(&"UTC", "time_zone", settings.time_zone_name.as_str())
        .maybe("unknown_events", settings.unknown_events.map(|on| word(ON_UNKNOWN, &on)));
    if settings.unknown_traits != OnUnknown::Accept {
        fields.put("unknown_traits", word(ON_UNKNOWN, &settings.unknown_traits));
    }
    fields.done()
}

fn constant_json(constant: &Constant) -> Value {
    Fields::default()
        .put("type", type_word(&constant.of_type))
        .maybe("default", constant.default.clone())
        .maybe("description", constant.description.clone())
        .done()
}

fn event_type_json(key: &Key, event_type: &EventType) -> Value {
    let mut fields = Fields::default();
    fields
        .unless(&key.as_str(), "name", &*event_type.name)
        .unless(&Value::Object(Map::new()), "schema", normal(&event_type.schema))
        .maybe("unique_by", event_type.unique_by.as_deref().map(path))
        .maybe("description", event_type.description.clone());
    if event_type.unknown_fields != OnUnknown::Accept {
        fields.put("unknown_fields", word(ON_UNKNOWN, &event_type.unknown_fields));
    }
    if event_type.accept_from != AcceptFrom::Server {
        fields.put("accept_from", word(ACCEPT_FROM, &event_type.accept_from));
    }
    fields.done()
}

/// A schema with its numbers in normal form: `1.0` and `1` are one number in JSON Schema.
fn normal(schema: &Value) -> Value {
    match schema {
        Value::Number(number) => {
            number::amount(&number.to_string()).map_or_else(|_| schema.clone(), |text| number::to_json(&text))
        }
        Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), normal(value))).collect())
        }
        other => other.clone(),
    }
}

fn trait_json(key: &Key, declared: &Trait) -> Value {
    Fields::default()
        .put("type", type_word(&declared.of_type))
        .unless(&key.as_str(), "from", declared.from.as_str())
        .unless(&false, "searchable", declared.searchable)
        .maybe("description", declared.description.clone())
        .done()
}

fn metric_json(metric: &Metric) -> Value {
    let mut fields = Fields::default();
    fields
        .put("event", metric.event.as_str())
        .put("aggregate", word(AGGREGATES, &metric.aggregate))
        .maybe(
            "of",
            metric.of.as_ref().map(|of| match of {
                Of::Timestamp => "timestamp".to_owned(),
                Of::Property(steps) => path(steps),
            }),
        )
        .maybe("where", metric.filter.as_ref().map(source))
        .maybe("description", metric.description.clone());
    match metric.window {
        Window::Lifetime => {}
        Window::RollingDays(days) => {
            fields.put("window", Fields::default().put("rolling_days", days).done());
        }
        calendar => {
            fields.put("window", word(WINDOWS, &calendar));
        }
    }
    if metric.begin != Begin::Backfill {
        fields.put("begin", word(BEGINS, &metric.begin));
    }
    fields.done()
}

fn audience_json(audience: &Audience) -> Value {
    Fields::default()
        .put("condition", source(&audience.condition))
        .maybe("description", audience.description.clone())
        .done()
}

fn currency_json(currency: &Currency) -> Value {
    let mut fields = Fields::default();
    fields
        .put("name", currency.name.as_str())
        .unless(&0, "decimals", currency.decimals)
        .unless(&0, "pending_days", currency.pending_days)
        .unless(&false, "allow_negative", currency.allow_negative)
        .maybe("description", currency.description.clone());
    if let Expiry::AfterDays { days, end_of } = currency.expiry {
        let mut expiry = Fields::default();
        expiry.put("after_days", days);
        if end_of != ExpiryEnd::Day {
            expiry.put("end_of", word(ENDS, &end_of));
        }
        fields.put("expiry", expiry.done());
    }
    if currency.rounding != Rounding::Floor {
        fields.put("rounding", word(ROUNDING, &currency.rounding));
    }
    fields.done()
}
