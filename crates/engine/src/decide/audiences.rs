//! Memberships: looked at again where something they read has changed.

use program::expression::Value;

use super::work::{Cause, Stop, Work};
use crate::Effect;

impl Work<'_> {
    /// Looks at every audience that may have changed, in dependency order, until none is left. A condition
    /// that cannot be evaluated does not hold.
    pub(super) fn audiences(&mut self, depth: usize) -> Result<(), Stop> {
        let rules = self.rules;
        while let Some(at) = self.dirty.pop_first() {
            let Some(key) = rules.program.audience_order.get(at) else { continue };
            let Some(audience) = rules.program.audiences.get(key) else { continue };
            let belongs = matches!(audience.condition.evaluate(&self.view(None)), Ok(Value::Bool(true)));
            if belongs == self.profile.audiences.contains_key(key.as_str()) {
                continue;
            }
            let since = self.profile.latest;
            let (effect, cause, reactors) = if belongs {
                (
                    Effect::Entered(key.shared(), since),
                    Cause::Entered(key.clone()),
                    &rules.program.reactors_by_entered,
                )
            } else {
                (Effect::Left(key.shared(), since), Cause::Left(key.clone()), &rules.program.reactors_by_left)
            };
            self.effect(effect)?;
            self.dirty.extend(rules.index.audiences_by_audience.get(at).into_iter().flatten());
            let mut step = 0;
            if self.reacts && reactors.get(key).is_some_and(|reactors| !reactors.is_empty()) {
                step = self.queue(depth, cause)?;
            }
            self.note(step, || format!("{} audience {key}", if belongs { "entered" } else { "left" }));
        }
        Ok(())
    }
}
