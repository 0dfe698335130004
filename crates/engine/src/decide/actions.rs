//! What a reactor does. All of it is worked out first, against the state before the firing; then it is all
//! done, or nothing is.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use ledger::{CurrencyKey, GroupId, Reason, Shortfall, Wallets};
use program::{
    Key,
    expression::Value,
    kinds::{
        currency::Rounding,
        reactor::{Action, Amount, Budget, Field, Reactor, WhenShort},
    },
};
use serde_json::{Map, Value as Json};

use super::{
    CounterDemand,
    reactor::Stopping,
    words,
    work::{Cause, Step, Stop, Work, budget_counter, ledger_fault},
};
use crate::{Effect, Fault, Stopped, index, values, view::Event};

/// An action worked out.
enum Planned<'a> {
    Award(&'a Key, i64),
    Deduct(&'a Key, i64, Shortfall),
    SetTrait(&'a Key, Json),
    Emit(&'a Key, Map<String, Json>),
    Outbox(Arc<str>, Json),
}

impl<'a> Work<'a> {
    /// Does what a reactor does, or says what stopped it. The words are only for a trace.
    pub(super) fn fire(
        &mut self,
        step: &Step<'a>,
        key: &'a Key,
        reactor: &'a Reactor,
    ) -> Result<Result<Vec<String>, Stopping>, Stop> {
        let mut planned = Vec::with_capacity(reactor.actions.len());
        for action in &reactor.actions {
            match self.plan(step, action) {
                Ok(action) => planned.push(action),
                Err(words) => return Ok(Err((Stopped::Error, words.into()))),
            }
        }
        if let Some(words) = self.short(&planned)? {
            return Ok(Err((Stopped::Short, words.into())));
        }
        if let Some(budget) = &reactor.budget
            && let Some(words) = self.budget(key, budget, &mut planned)?
        {
            return Ok(Err((Stopped::Budget, words.into())));
        }
        self.fired(step.number, key, reactor)?;
        let mut did = Vec::new();
        for action in planned {
            let words = self.perform(step, key, action)?;
            if self.trace.is_some() {
                did.extend(words);
            }
        }
        Ok(Ok(did))
    }

    fn plan(&self, step: &Step<'a>, action: &'a Action) -> Result<Planned<'a>, String> {
        Ok(match action {
            Action::Award { currency, amount } => {
                Planned::Award(currency, self.amount(step, currency, amount)?)
            }
            Action::Deduct { currency, amount, when_short } => {
                let short = match when_short {
                    WhenShort::Part => Shortfall::Part,
                    WhenShort::Nothing => Shortfall::Refuse,
                };
                Planned::Deduct(currency, self.amount(step, currency, amount)?, short)
            }
            Action::SetTrait { key, value } => Planned::SetTrait(key, self.json(step, value, key.as_str())?),
            Action::EmitEvent { event, properties } => Planned::Emit(event, self.fields(step, properties)?),
            Action::CallWebhook { url, secret, data } => {
                let mut call = Map::new();
                call.insert("url".into(), url.as_str().into());
                call.insert("secret".into(), secret.as_ref().map(|key| Json::from(key.as_str())).into());
                call.insert("data".into(), self.fields(step, data)?.into());
                Planned::Outbox("webhook".into(), call.into())
            }
            Action::SendMessage { template, channel, data } => {
                let mut send = Map::new();
                send.insert("template".into(), template.as_str().into());
                send.insert("data".into(), self.fields(step, data)?.into());
                Planned::Outbox(channel.as_str().into(), send.into())
            }
        })
    }

    fn fields(&self, step: &Step<'a>, fields: &[Field]) -> Result<Map<String, Json>, String> {
        let mut map = Map::new();
        for (name, value) in fields {
            map.insert(name.as_ref().into(), self.json(step, value, name)?);
        }
        Ok(map)
    }

    fn json(
        &self,
        step: &Step<'a>,
        value: &program::expression::Expression,
        name: &str,
    ) -> Result<Json, String> {
        let value =
            self.evaluate(step, value).map_err(|why| format!("`{name}` cannot be evaluated: {why}"))?;
        Ok(value.to_json())
    }

    /// How many points; never negative.
    fn amount(&self, step: &Step<'a>, currency: &Key, amount: &Amount) -> Result<i64, String> {
        let points = match amount {
            Amount::Expression(expression) => match self.evaluate(step, expression) {
                Ok(Value::Int(points)) => points,
                Ok(_) => return Err("the amount is not a whole number".into()),
                Err(why) => return Err(format!("the amount cannot be evaluated: {why}")),
            },
            Amount::Of { of, rate, rounding } => {
                let path = of.join(".");
                let Cause::Event(event) = &step.cause else {
                    return Err(format!("there is no event to read `{path}` from"));
                };
                let Some(number) = event.decimal(self.rules, of) else {
                    return Err(format!(
                        "`properties.{path}` is absent or not a number of at most 28 digits"
                    ));
                };
                let currency = self.rules.program.currencies.get(currency);
                let rounding =
                    rounding.or(currency.map(|currency| currency.rounding)).unwrap_or(Rounding::Floor);
                ledger::points_for(number, *rate, index::rounding(rounding)).map_err(|why| why.to_string())?
            }
        };
        if points < 0 {
            return Err(format!("the amount is negative: {points}"));
        }
        Ok(points)
    }

    /// Whether a deduction that must be whole would find too little, after what comes before it.
    fn short(&self, planned: &[Planned<'a>]) -> Result<Option<String>, Stop> {
        if !planned.iter().any(|action| matches!(action, Planned::Deduct(_, _, Shortfall::Refuse))) {
            return Ok(None);
        }
        let mut wallets = Wallets::clone(&self.profile.wallets);
        let mut id = self.next_group()?;
        for action in planned {
            let group = match action {
                Planned::Award(currency, amount) => self.award(&wallets, currency, *amount, id)?,
                Planned::Deduct(currency, amount, short) => {
                    match self.deduct(&wallets, currency, *amount, *short) {
                        Err(ledger::Error::Insufficient { currency, available, asked }) => {
                            return Ok(Some(format!(
                                "the wallet holds {}, it takes {}",
                                words::amount(self.rules, &currency.0, available),
                                words::number(self.rules, &currency.0, asked)
                            )));
                        }
                        other => other.map_err(ledger_fault)?,
                    }
                }
                _ => None,
            };
            if let Some(group) = group {
                wallets.apply(&group, id).map_err(ledger_fault)?;
                id.index = id.index.saturating_add(1);
            }
        }
        Ok(None)
    }

    /// One demand for the sum of what the reactor awards in the budget's currency. What is granted goes to
    /// the awards in their order.
    fn budget(
        &mut self,
        key: &Key,
        budget: &Budget,
        planned: &mut [Planned<'a>],
    ) -> Result<Option<String>, Stop> {
        let of_budget = |action: &Planned<'a>| match action {
            Planned::Award(currency, amount) if **currency == budget.currency => Some(*amount),
            _ => None,
        };
        let asked = planned.iter().filter_map(of_budget).try_fold(0_i64, i64::checked_add);
        let asked = asked
            .ok_or_else(|| Fault::new("overflow", format!("reactor/{key}"), "its awards exceed 64 bits"))?;
        if asked == 0 {
            return Ok(None);
        }
        let part = budget.when_short == WhenShort::Part;
        let counter = budget_counter(key);
        let granted = self.demand(CounterDemand { counter, ceiling: budget.amount, amount: asked, part })?;
        if granted <= 0 {
            return Ok(Some(format!(
                "its budget of {} does not have {} left",
                words::amount(self.rules, budget.currency.as_str(), budget.amount),
                if part {
                    "anything".into()
                } else {
                    words::number(self.rules, budget.currency.as_str(), asked)
                }
            )));
        }
        let mut left = granted;
        for action in &mut *planned {
            if let Planned::Award(currency, amount) = action
                && **currency == budget.currency
            {
                *amount = (*amount).min(left);
                left -= *amount;
            }
        }
        if granted < asked {
            // With less awarded than was reckoned with, deductions take what is there.
            for action in planned {
                if let Planned::Deduct(_, _, short) = action {
                    *short = Shortfall::Part;
                }
            }
        }
        Ok(None)
    }

    fn award(
        &self,
        wallets: &Wallets,
        currency: &Key,
        amount: i64,
        lot: GroupId,
    ) -> Result<Option<ledger::PostingGroup>, Stop> {
        if amount == 0 {
            return Ok(None);
        }
        let currency = CurrencyKey(currency.shared());
        let terms = self.terms(&currency)?;
        wallets
            .award(&currency, terms, amount, self.times.occurred_at, lot, Reason::Award)
            .map(Some)
            .map_err(|error| ledger_fault(error).into())
    }

    fn deduct(
        &self,
        wallets: &Wallets,
        currency: &Key,
        amount: i64,
        short: Shortfall,
    ) -> Result<Option<ledger::PostingGroup>, ledger::Error> {
        let currency = CurrencyKey(currency.shared());
        let (Some(terms), true) = (self.rules.index.terms.get(&*currency.0), amount > 0) else {
            return Ok(None);
        };
        wallets.deduct(&currency, terms, amount, self.times.occurred_at, short, Reason::Deduct)
    }

    /// Does one action; the words tell what it did.
    fn perform(&mut self, step: &Step<'a>, key: &Key, action: Planned<'a>) -> Result<Option<String>, Stop> {
        let traced = self.trace.is_some();
        let said = |words: &dyn Fn() -> String| traced.then(words);
        Ok(match action {
            Planned::Award(currency, amount) => {
                let Some(mut group) =
                    self.award(&self.profile.wallets, currency, amount, self.next_group()?)?
                else {
                    return Ok(said(&|| format!("award 0 {currency}: nothing is posted")));
                };
                group.reactor = Some(key.shared());
                let lot = group.lots.last().copied();
                self.post(group)?;
                said(&|| {
                    let matures = lot.and_then(|lot| lot.matures_at);
                    let expires = lot.and_then(|lot| lot.expires_at);
                    let matures = matures.map_or_else(String::new, |at| format!(", pending until {at}"));
                    let expires = expires.map_or_else(String::new, |at| format!(", expire at {at}"));
                    format!(
                        "award {}{matures}{expires}",
                        words::amount(self.rules, currency.as_str(), amount)
                    )
                })
            }
            Planned::Deduct(currency, amount, short) => {
                let group =
                    self.deduct(&self.profile.wallets, currency, amount, short).map_err(ledger_fault)?;
                let Some(mut group) = group else {
                    return Ok(said(&|| {
                        format!(
                            "deduct {}: there is nothing to take",
                            words::amount(self.rules, currency.as_str(), amount)
                        )
                    }));
                };
                group.reactor = Some(key.shared());
                let taken = -group.net();
                self.post(group)?;
                said(&|| format!("deduct {}", words::amount(self.rules, currency.as_str(), taken)))
            }
            Planned::SetTrait(name, value) => {
                let words = said(&|| format!("set trait {name} to {value}"));
                let text = values::kept_text(&value);
                self.set_trait(name.shared(), &value, text)?;
                words
            }
            Planned::Emit(event_type, properties) => {
                let text = Json::Object(properties.clone()).to_string();
                let wire = self.rules.program.event_types.get(event_type);
                let name = wire.map_or_else(|| event_type.shared(), |declared| Arc::clone(&declared.name));
                let event = Event {
                    key: Some(event_type.clone()),
                    name: Arc::clone(&name),
                    properties: Cow::Owned(properties.into()),
                    at: self.times.occurred_at,
                    read: RefCell::default(),
                };
                let number = self.queue(step.depth + 1, Cause::Event(event))?;
                let words = said(&|| format!("emit event {event_type} (step {number}): {text}"));
                self.effect(Effect::Emitted(number, name, text))?;
                words
            }
            Planned::Outbox(channel, payload) => {
                let payload = payload.to_string();
                let words = said(&|| format!("{channel} into the outbox: {payload}"));
                self.effect(Effect::Outbox(channel, key.shared(), payload))?;
                words
            }
        })
    }
}
