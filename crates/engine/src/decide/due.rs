//! Work that time brings: lots, windows that roll.

use super::{
    words,
    work::{Stop, Work, ledger_fault},
};
use crate::{Effect, calendar};

impl Work<'_> {
    /// Fires whatever is due. Harmless when nothing is, or when the profile lives on elsewhere.
    pub(super) fn timer(&mut self) -> Result<(), Stop> {
        if !self.profile.is_active() {
            return Ok(());
        }
        self.must_be_current()?;
        for group in self.profile.wallets.due(self.times.occurred_at).map_err(ledger_fault)? {
            let (amount, currency, reason) = (lots_amount(&group), group.currency.clone(), group.reason);
            self.post(group)?;
            let rules = self.rules;
            self.note(0, || {
                let verb = if reason == ledger::Reason::Mature { "matured" } else { "expired" };
                format!("{} {verb}", words::amount(rules, &currency.0, amount))
            });
        }
        if self.profile.rolls_at.is_some_and(|at| at <= self.profile.latest) {
            self.dirty.extend(&self.rules.index.audiences_with_windows);
        }
        Ok(())
    }

    /// Works out when a window rolls next that an audience reads. Records it when it has changed.
    pub(super) fn rolls(&mut self) -> Result<(), Stop> {
        let at = self.next_roll();
        if at != self.profile.rolls_at {
            self.effect(Effect::Due(at))?;
        }
        Ok(())
    }

    fn next_roll(&self) -> Option<jiff::Timestamp> {
        if !self.profile.is_active() || self.rules.index.rolling.is_empty() {
            return None;
        }
        let program = &self.rules.program;
        let zone = &program.settings.time_zone;
        let day = calendar::day_of(zone, self.profile.latest);
        let rolls = self.rules.index.rolling.iter().filter_map(|key| {
            let window = program.metrics.get(key)?.window;
            let (from, to) = calendar::reach(window, day);
            let (oldest, _) = self.profile.metrics.get(key.as_str())?.buckets.between(&from, &to).first()?;
            calendar::rolls_on(window, *oldest, day)
        });
        calendar::start_of(zone, rolls.min()?)
    }
}

/// What a group took or moved, in words' terms: the largest of its postings.
fn lots_amount(group: &ledger::PostingGroup) -> i64 {
    group.postings.iter().map(|posting| posting.amount).max().unwrap_or(0)
}
