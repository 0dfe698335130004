//! A reactor's actions: one-key objects.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Context, currency, when_short};
use crate::{
    Kind,
    check::EventContext,
    decode::{Fields, Reader, View, currency::ROUNDING, metric::number_path, suggest},
    document::tree::Tree,
    expression::ValueType,
    kinds::reactor::{Action, Amount, Field},
    schema::{self, Lookup},
};

/// The actions.
pub(crate) const ACTIONS: &[&str] =
    &["award", "deduct", "set_trait", "emit_event", "call_webhook", "send_message"];
/// The channels of messages.
const CHANNELS: &[(&str, &str)] = &[("email", "email"), ("sms", "sms"), ("push", "push")];

pub(crate) fn decode(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Action> {
    let (which, view) = view.one_of(reader, "an action", ACTIONS)?;
    match which {
        "award" => award(reader, &view, context),
        "deduct" => deduct(reader, &view, context),
        "set_trait" => set_trait(reader, &view, context),
        "emit_event" => emit_event(reader, &view, context),
        "call_webhook" => call_webhook(reader, &view, context),
        _ => send_message(reader, &view, context),
    }
}

fn award(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Action> {
    let allowed = &["currency", "amount", "of", "rate", "rounding"];
    let fields = view.fields(reader, "an award", allowed)?;
    let currency = currency(&fields, context.declared);
    let amount = amount(&fields, context);
    fields.all_known()?;
    Some(Action::Award { currency: currency?, amount: amount? })
}

fn deduct(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Action> {
    let allowed = &["currency", "amount", "of", "rate", "rounding", "when_short"];
    let fields = view.fields(reader, "a deduction", allowed)?;
    let currency = currency(&fields, context.declared);
    let amount = amount(&fields, context);
    let when_short = when_short(&fields);
    fields.all_known()?;
    Some(Action::Deduct { currency: currency?, amount: amount?, when_short: when_short? })
}

/// Either `amount`, or `of` with `rate` and `rounding`.
fn amount(fields: &Fields<'_, '_>, context: Context<'_>) -> Option<Amount> {
    let reader = fields.reader;
    match (fields.get("amount"), fields.get("of")) {
        (Some(amount), None) => {
            for name in ["rate", "rounding"] {
                if let Some(view) = fields.get(name) {
                    let help = "Leave it out, or write `of: properties.…` in place of `amount`.";
                    reader.fault(&view, "unknown_field", format!("`{name}` goes with `of`"), help);
                }
            }
            if let Some(number) = amount.literal(Some(&ValueType::Int))
                && number.parse::<i64>().is_ok_and(|number| number < 1)
            {
                let help = "Give at least 1.";
                reader.fault(&amount, "out_of_range", format!("an amount of {number} does nothing"), help);
                return None;
            }
            let scope = context.declared.scope(context.event);
            amount.value(reader, &scope, Some(&ValueType::Int)).map(Amount::Expression)
        }
        (None, Some(of)) => {
            let path = of.property_path(reader).and_then(|path| {
                let known = match context.event {
                    EventContext::None => {
                        let message = "there is no event here to take a number from";
                        let help = "Use `amount`, or let an event trigger the reactor.";
                        reader.fault(&of, "bad_path", message, help);
                        return None;
                    }
                    EventContext::Faulty => None,
                    EventContext::Of(key) => context.declared.schemas.get(key),
                };
                if let Some(schema) = known {
                    number_path(reader, &of, schema, &path)?;
                }
                Some(path)
            });
            let rate = fields.or("rate", Decimal::ONE, |view| {
                let rate = view.decimal(reader)?;
                if rate > Decimal::ZERO {
                    return Some(rate);
                }
                reader.fault(view, "out_of_range", format!("a rate of {rate} gives nothing"), "Above zero.");
                None
            });
            let rounding = fields.optional("rounding", |view| view.word(reader, ROUNDING));
            Some(Amount::Of { of: path?, rate: rate?, rounding: rounding? })
        }
        (amount, _) => {
            let message = match amount {
                Some(_) => "`amount` and `of` exclude each other",
                None => "how many? `amount` or `of` is needed",
            };
            let help = "Write `amount: 10`, `amount: \"<CEL that gives an int>\"`, or `of: properties.total` with `rate`.";
            reader.fault(&fields.view, "missing_field", message, help);
            None
        }
    }
}

fn set_trait(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Action> {
    let fields = view.fields(reader, "set_trait", &["trait", "value"])?;
    let key = fields.read("trait", |view| context.declared.reference(reader, view, Kind::Trait));
    let expected = key.as_ref().and_then(|key| context.declared.traits.get(key));
    let scope = context.declared.scope(context.event);
    let value = fields.read("value", |view| view.value(reader, &scope, expected));
    fields.all_known()?;
    Some(Action::SetTrait { key: key?, value: value? })
}

fn emit_event(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Action> {
    let fields = view.fields(reader, "emit_event", &["event", "properties"])?;
    let event = fields.read("event", |view| context.declared.reference(reader, view, Kind::EventType));
    let event_schema = event.as_ref().and_then(|key| context.declared.schemas.get(key));
    let given = fields.get("properties");
    let properties = given.as_ref().map_or(Some(Vec::new()), |view| {
        data(reader, view, context, |name, view| {
            let Some(schema) = event_schema else { return Some(None) };
            match schema::lookup(schema, &[name.to_owned()]) {
                // A decimal in a text may be given as either.
                Lookup::Named(named) if named.decimal_text => Some(None),
                Lookup::Named(named) if named.of_type == ValueType::Any => Some(None),
                Lookup::Named(named) => Some(Some(named.of_type)),
                Lookup::Open => Some(None),
                Lookup::Absent => {
                    let names = schema::named_paths(schema);
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let message = format!("the event emitted has no property `{name}`");
                    reader.fault(view, "unknown_field", message, suggest::help(name, &names));
                    None
                }
            }
        })
    });
    if let Some(schema) = event_schema {
        for name in schema::required(schema) {
            if given.as_ref().is_none_or(|view| view.node.field(name).is_none()) {
                let at = given.as_ref().unwrap_or(&fields.view);
                let message = format!("the event emitted needs the property `{name}`");
                reader.fault(at, "missing_field", message, "Its schema says that it is required.");
            }
        }
    }
    fields.all_known()?;
    Some(Action::EmitEvent { event: event?, properties: properties? })
}

fn call_webhook(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Action> {
    let fields = view.fields(reader, "call_webhook", &["url", "secret", "data"])?;
    let url = fields.read("url", |view| {
        let url = view.short_text(reader, 2000)?;
        let host = url.strip_prefix("https://").unwrap_or_default();
        let whole = !host.is_empty() && !host.starts_with(['/', ':']) && !url.contains([' ', '"', '<', '>']);
        if !whole {
            let help = "Write the whole address: `https://hooks.example.com/greenroom`.";
            reader.fault(view, "bad_url", format!("`{url}` is not an https address"), help);
        }
        whole.then_some(url)
    });
    let secret = fields.optional("secret", |view| context.declared.reference(reader, view, Kind::Secret));
    let data = fields.or("data", Vec::new(), |view| data(reader, view, context, |_, _| Some(None)));
    fields.all_known()?;
    Some(Action::CallWebhook { url: url?.to_owned(), secret: secret?, data: data? })
}

fn send_message(reader: &Reader<'_>, view: &View<'_>, context: Context<'_>) -> Option<Action> {
    let fields = view.fields(reader, "send_message", &["template", "channel", "data"])?;
    let template = fields.read("template", |view| view.short_text(reader, 100));
    let channel = fields.read("channel", |view| view.word(reader, CHANNELS));
    let data = fields.or("data", Vec::new(), |view| data(reader, view, context, |_, _| Some(None)));
    fields.all_known()?;
    Some(Action::SendMessage { template: template?.to_owned(), channel: channel?.to_owned(), data: data? })
}

/// Named values; `expected` says what type each should be, or that it should not be there.
fn data(
    reader: &Reader<'_>,
    view: &View<'_>,
    context: Context<'_>,
    expected: impl Fn(&str, &View<'_>) -> Option<Option<ValueType>>,
) -> Option<Vec<Field>> {
    if matches!(view.node.tree, Tree::Refused) {
        return None;
    }
    let entries = view.entries(reader, "an object of names and values")?;
    let scope = |_: &str| context.declared.scope(context.event);
    let read: Vec<Option<Field>> = entries
        .into_iter()
        .map(|(name, view)| {
            let expected = expected(name, &view)?;
            let value = view.value(reader, &scope(name), expected.as_ref())?;
            Some((Arc::from(name), value))
        })
        .collect();
    read.into_iter().collect()
}
