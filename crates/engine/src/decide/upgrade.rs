//! Bringing a profile under a new program.

use std::{collections::BTreeMap, sync::Arc};

use program::kinds::metric::Begin;

use super::{
    message::observe,
    work::{Stop, Work},
};
use crate::{
    Effect, Message, apply, calendar,
    profile::{Observation, Observed},
    rules::Index,
    values,
    view::Event,
};

impl Work<'_> {
    /// Metrics that are new or redefined begin anew, from history or from nothing; those no longer declared
    /// are forgotten; traits declared since take what came under their name; memberships are worked out.
    pub(super) fn upgrade(&mut self, react: bool, history: &[Message]) -> Result<(), Stop> {
        let rules = self.rules;
        if !self.profile.is_active() {
            return Ok(());
        }
        self.effect(Effect::Basis(rules.basis))?;
        self.reacts = react;
        self.declared_traits()?;
        self.metrics(history)?;
        self.effect(Effect::Declared(Arc::clone(&rules.index.declared)))?;
        let gone = self.profile.audiences.keys().filter(|key| !rules.program.audiences.contains_key(&***key));
        for key in gone.cloned().collect::<Vec<_>>() {
            self.note(0, || format!("left audience {key}, which is no longer declared"));
            self.effect(Effect::Left(key, self.profile.latest))?;
        }
        self.all_dirty();
        self.audiences(0)?;
        self.reacts = true;
        Ok(())
    }

    fn declared_traits(&mut self) -> Result<(), Stop> {
        let rules = self.rules;
        for (key, declared) in &rules.program.traits {
            let undeclared: Arc<str> = format!("~{}", declared.from).into();
            let Some(text) = self.profile.traits.get(&undeclared) else { continue };
            let Ok(value) = serde_json::from_str(text) else { continue };
            if !self.profile.traits.contains_key(key.as_str()) && values::fits(&value, &declared.of_type) {
                let text = values::kept_text(&value);
                self.set_trait(key.shared(), &value, text)?;
                self.effect(Effect::Trait(undeclared, None))?;
            }
        }
        let searchable =
            |key: &str| rules.program.traits.get(key).is_some_and(|declared| declared.searchable);
        let changed: Vec<Arc<str>> = self
            .profile
            .traits
            .keys()
            .filter(|key| searchable(key) != self.profile.searchable.contains(*key))
            .cloned()
            .collect();
        for key in changed {
            let now = searchable(&key);
            self.effect(Effect::Searchable(key, now))?;
        }
        Ok(())
    }

    fn metrics(&mut self, history: &[Message]) -> Result<(), Stop> {
        let rules = self.rules;
        let gone = self.profile.metrics.keys().filter(|key| !rules.program.metrics.contains_key(&***key));
        for key in gone.cloned().collect::<Vec<_>>() {
            self.effect(Effect::Forget(key))?;
        }
        for (key, metric) in &rules.program.metrics {
            let Some(fingerprint) = rules.index.fingerprint(key.as_str()) else { continue };
            if !Index::is_new(&self.profile, key, fingerprint) {
                continue;
            }
            let (observations, left_out) = match metric.begin {
                Begin::Backfill => self.backfill(key, metric, history),
                Begin::Now => (Vec::new(), 0),
            };
            if left_out > 0 {
                self.note(0, || {
                    format!(
                        "metric {key} leaves out {left_out} events: the sum would need more than 28 digits"
                    )
                });
            }
            if observations.is_empty() {
                if self.profile.metrics.contains_key(key.as_str()) {
                    self.effect(Effect::Forget(key.shared()))?;
                }
                continue;
            }
            let keep_days = calendar::keep_days(metric.window);
            self.effect(Effect::Define(key.shared(), fingerprint, keep_days, observations))?;
        }
        Ok(())
    }

    /// A metric counted anew from history, one observation a bucket, and how many events it leaves out. Its condition
    /// sees today's profile. What cannot be added up exactly is left out: an event that came now would be put aside
    /// for it, but those have been taken, and nobody could be brought under the program at all.
    fn backfill(
        &self,
        key: &program::Key,
        metric: &program::kinds::metric::Metric,
        history: &[Message],
    ) -> (Vec<Observation>, usize) {
        let mut buckets: BTreeMap<i32, Observed> = BTreeMap::new();
        let mut left_out = 0;
        for message in history {
            let Some(event) = Event::of(self.rules, message, ledger::micros::floor(message.occurred_at))
            else {
                continue;
            };
            if event.key.as_ref() != Some(&metric.event) {
                continue;
            }
            let Some(seen) = observe(self.rules, metric, &event, &self.view(Some(&event))) else { continue };
            match buckets.get_mut(&seen.day) {
                Some(bucket) => {
                    left_out += usize::from(apply::join(key.as_str(), bucket, &seen.value).is_err());
                }
                None => {
                    buckets.insert(seen.day, seen.value);
                }
            }
        }
        // What lies out of reach of the newest bucket would be dropped when it is applied.
        let keep = i32::from(calendar::keep_days(metric.window));
        if let Some((newest, _)) = buckets.last_key_value().filter(|_| keep > 0) {
            let oldest = newest.saturating_sub(keep).saturating_add(1);
            buckets = buckets.split_off(&oldest);
        }
        (buckets.into_iter().map(|(day, value)| Observation { day, value }).collect(), left_out)
    }
}
