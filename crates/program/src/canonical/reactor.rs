//! A reactor's canonical JSON.

use rust_decimal::Decimal;
use serde_json::Value;

use super::{
    Fields,
    specs::{path, source, value, word},
};
use crate::{
    Key,
    decode::{
        currency::ROUNDING,
        reactor::{LIMIT_WINDOWS, WHEN_SHORT},
    },
    document::number,
    kinds::reactor::{Action, Amount, Budget, Field, Limit, LimitWindow, Reactor, Trigger, WhenShort},
};

pub(super) fn to_json(reactor: &Reactor) -> Value {
    let mut fields = Fields::default();
    let (which, key) = match &reactor.trigger {
        Trigger::Event(key) => ("event", key),
        Trigger::AudienceEntered(key) => ("audience_entered", key),
        Trigger::AudienceLeft(key) => ("audience_left", key),
    };
    fields
        .put("trigger", Fields::default().put(which, key.as_str()).done())
        .maybe("condition", reactor.condition.as_ref().map(source))
        .unless(&0, "priority", reactor.priority)
        .maybe("budget", reactor.budget.as_ref().map(budget))
        .put("actions", reactor.actions.iter().map(action).collect::<Vec<_>>())
        .maybe("description", reactor.description.clone());
    if reactor.from.is_some() || reactor.until.is_some() {
        let schedule = Fields::default()
            .maybe("from", reactor.from.map(|moment| moment.to_string()))
            .maybe("until", reactor.until.map(|moment| moment.to_string()))
            .done();
        fields.put("schedule", schedule);
    }
    if !reactor.limits.is_empty() {
        fields.put("limits", reactor.limits.iter().copied().map(limit).collect::<Vec<_>>());
    }
    fields.done()
}

fn limit(limit: Limit) -> Value {
    let mut fields = Fields::default();
    fields.put("count", limit.count);
    if limit.window != LimitWindow::Lifetime {
        fields.put("window", word(LIMIT_WINDOWS, &limit.window));
    }
    fields.done()
}

fn budget(budget: &Budget) -> Value {
    let mut fields = Fields::default();
    fields.put("currency", budget.currency.as_str()).put("amount", budget.amount);
    when_short(&mut fields, budget.when_short);
    fields.done()
}

fn when_short(fields: &mut Fields, when: WhenShort) {
    if when != WhenShort::Nothing {
        fields.put("when_short", word(WHEN_SHORT, &when));
    }
}

fn action(action: &Action) -> Value {
    let (which, inner) = match action {
        Action::Award { currency, amount } => ("award", points(currency, amount).done()),
        Action::Deduct { currency, amount, when_short: when } => {
            let mut fields = points(currency, amount);
            when_short(&mut fields, *when);
            ("deduct", fields.done())
        }
        Action::SetTrait { key, value: to } => {
            ("set_trait", Fields::default().put("trait", key.as_str()).put("value", value(to)).done())
        }
        Action::EmitEvent { event, properties } => (
            "emit_event",
            Fields::default().put("event", event.as_str()).maybe("properties", data(properties)).done(),
        ),
        Action::CallWebhook { url, secret, data: given } => (
            "call_webhook",
            Fields::default()
                .put("url", url.as_str())
                .maybe("secret", secret.as_ref().map(Key::as_str))
                .maybe("data", data(given))
                .done(),
        ),
        Action::SendMessage { template, channel, data: given } => (
            "send_message",
            Fields::default()
                .put("template", template.as_str())
                .put("channel", channel.as_str())
                .maybe("data", data(given))
                .done(),
        ),
    };
    Fields::default().put(which, inner).done()
}

fn points(currency: &Key, amount: &Amount) -> Fields {
    let mut fields = Fields::default();
    fields.put("currency", currency.as_str());
    match amount {
        Amount::Expression(expression) => {
            fields.put("amount", value(expression));
        }
        Amount::Of { of, rate, rounding } => {
            fields.put("of", path(of));
            if *rate != Decimal::ONE {
                let text = number::amount(&rate.to_string()).unwrap_or_default();
                fields.put("rate", number::to_json(&text));
            }
            fields.maybe("rounding", rounding.map(|rounding| word(ROUNDING, &rounding)));
        }
    }
    fields
}

fn data(given: &[Field]) -> Option<Value> {
    let fields = given.iter().map(|(name, expression)| (name.to_string(), value(expression)));
    (!given.is_empty()).then(|| Value::Object(fields.collect()))
}
