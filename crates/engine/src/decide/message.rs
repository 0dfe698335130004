//! What a message does before reactors: identities, traits, metrics.

use std::sync::Arc;

use program::{
    Key,
    expression::{Json, Value},
    kinds::metric::{Aggregate, Metric, Of},
};
use rust_decimal::Decimal;

use super::work::{Cause, Step, Stop, Work};
use crate::{
    Effect, Fields, Identity, Message, MessageKind, Rules, calendar, names,
    profile::{Observation, Observed},
    values,
    view::{Event, View},
};

/// How many undeclared traits a profile keeps; further ones are not taken.
const UNDECLARED_TRAITS_MAX: usize = 100;
/// How long an undeclared trait may be, name and JSON text.
const UNDECLARED_BYTES_MAX: usize = 1024;

impl<'a> Work<'a> {
    pub(super) fn message(&mut self, message: &'a Message, claims: &[Identity]) -> Result<(), Stop> {
        for identity in claims {
            if self.profile.identities.binary_search(identity).is_err() {
                self.effect(Effect::Identity(identity.clone()))?;
            }
        }
        if message.kind == MessageKind::Identify {
            // Late by its own kind: an older identify only fills in what is absent. (`identified_at` holds
            // this one's time already when it is not late.)
            let late = self.profile.identified_at.is_some_and(|latest| latest > self.times.occurred_at);
            self.traits(&message.traits, late)?;
        }
        match Event::of(self.rules, message, self.times.occurred_at) {
            Some(event) => self.take(&Step { number: 0, depth: 0, cause: Cause::Event(event) }),
            None => Ok(()),
        }
    }

    fn traits(&mut self, traits: &Fields, late: bool) -> Result<(), Stop> {
        let mut sorted: Vec<_> = traits.entries().collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in sorted {
            let declared = self.rules.index.trait_names.get(name);
            let key: Arc<str> = match declared {
                Some(key) => key.shared(),
                None => names::undeclared(name),
            };
            if late && self.profile.traits.contains_key(&key) {
                continue;
            }
            let text = values::kept_text(value);
            if declared.is_none() && !self.has_room_for(&key, text.as_deref()) {
                self.note(0, || format!("trait `{name}` was not kept: it is not declared, and too much"));
                continue;
            }
            self.set_trait(key, value, text)?;
        }
        Ok(())
    }

    /// Undeclared traits are kept within bounds: whoever may identify could fill a state with them.
    fn has_room_for(&self, key: &str, text: Option<&str>) -> bool {
        let undeclared = || self.profile.traits.keys().filter(|key| key.starts_with('~')).count();
        text.is_none_or(|text| {
            key.len() + text.len() <= UNDECLARED_BYTES_MAX
                && (self.profile.traits.contains_key(key) || undeclared() < UNDECLARED_TRAITS_MAX)
        })
    }

    /// Sets a trait to a value, which is given as text too, or removes it. A value that is not of the declared type
    /// is not taken.
    pub(super) fn set_trait<'j>(
        &mut self,
        key: Arc<str>,
        value: impl Json<'j>,
        text: Option<String>,
    ) -> Result<(), Stop> {
        let declared = self.rules.program.traits.get(&*key);
        if text.is_some() && declared.is_some_and(|declared| !values::fits(value, &declared.of_type)) {
            return Ok(());
        }
        let searchable = text.is_some() && declared.is_some_and(|declared| declared.searchable);
        if self.profile.traits.get(&key) != text.as_ref() {
            self.effect(Effect::Trait(Arc::clone(&key), text))?;
            if let Some(audiences) = self.rules.index.audiences_by_trait.get(&key) {
                self.dirty.extend(audiences);
            }
        }
        if self.profile.searchable.contains(&key) != searchable {
            self.effect(Effect::Searchable(key, searchable))?;
        }
        Ok(())
    }

    /// Counts an event in the metrics of its type. All of their conditions see the state before.
    pub(super) fn count(&mut self, event_type: &Key, event: &Event<'_>) -> Result<(), Stop> {
        let rules = self.rules;
        let Some(metrics) = rules.program.metrics_by_event.get(event_type) else { return Ok(()) };
        let mut counted = Vec::new();
        {
            let view = self.view(Some(event));
            for key in metrics {
                let Some(metric) = rules.program.metrics.get(key) else { continue };
                if let Some(observation) = observe(rules, metric, event, &view) {
                    counted.push((key, metric, observation));
                }
            }
        }
        for (key, metric, observation) in counted {
            let fingerprint = rules.index.fingerprint(key.as_str()).unwrap_or_default();
            let goes_on =
                self.profile.metrics.get(key.as_str()).is_some_and(|state| state.fingerprint == fingerprint);
            let name = key.shared();
            self.effect(if goes_on {
                Effect::Observe(name, observation)
            } else {
                let keep_days = calendar::keep_days(metric.window);
                Effect::Define(name, fingerprint, keep_days, vec![observation])
            })?;
            if let Some(audiences) = rules.index.audiences_by_metric.get(key.as_str()) {
                self.dirty.extend(audiences);
            }
        }
        Ok(())
    }
}

/// What a metric counts of an event, if it counts it. A condition that cannot be evaluated does not hold;
/// a value that is absent or not of the right kind counts nothing.
pub(super) fn observe(
    rules: &Rules,
    metric: &Metric,
    event: &Event<'_>,
    view: &View<'_>,
) -> Option<Observation> {
    if let Some(filter) = &metric.filter
        && !matches!(filter.evaluate(view), Ok(Value::Bool(true)))
    {
        return None;
    }
    let number = |join: fn(Decimal) -> Observed, path: &[String]| event.decimal(rules, path).map(join);
    let value = match (metric.aggregate, &metric.of) {
        (Aggregate::Count, _) => Observed::Count(1),
        (Aggregate::Sum, Some(Of::Property(path))) => number(Observed::Sum, path)?,
        (Aggregate::Min, Some(Of::Property(path))) => number(Observed::Min, path)?,
        (Aggregate::Max, Some(Of::Property(path))) => number(Observed::Max, path)?,
        (Aggregate::Min, Some(Of::Timestamp)) => Observed::Earliest(event.at),
        (Aggregate::Max | Aggregate::Last, Some(Of::Timestamp)) => Observed::Latest(event.at),
        (Aggregate::Last, Some(Of::Property(path))) => {
            Observed::Last(event.at, values::kept_text(event.properties.at(path)?)?)
        }
        (Aggregate::Sum, Some(Of::Timestamp)) | (_, None) => return None,
    };
    let day = calendar::day_of(&rules.program.settings.time_zone, event.at);
    Some(Observation { day: calendar::bucket(metric.window, day), value })
}
