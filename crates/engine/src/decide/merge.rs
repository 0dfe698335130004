//! Merging: out of one profile, into another.

use ledger::{ProfileId, Reason};

use super::work::{Stop, Work, ledger_fault};
use crate::{Effect, Fault, Profile};

impl Work<'_> {
    /// Everything moves out; memberships end without a word to reactors.
    pub(super) fn merge_out(&mut self, into: ProfileId) -> Result<(), Stop> {
        if !self.profile.is_active() || into == self.profile.id {
            let what = "it cannot be merged: it has been already, was erased, or is the target itself";
            return Err(Fault::new("inactive", self.profile.id.to_string(), what).into());
        }
        let groups = self.profile.wallets.close(self.times.occurred_at, Reason::MergeOut);
        for group in groups.map_err(ledger_fault)? {
            self.post(group)?;
        }
        for key in self.profile.audiences.keys().cloned().collect::<Vec<_>>() {
            self.effect(Effect::Left(key, self.profile.latest))?;
        }
        self.effect(Effect::MergedInto(into))
    }

    /// Another profile's state is taken in whole; memberships are worked out, and entering fires as usual.
    pub(super) fn merge_in(&mut self, from: ProfileId, state: &Profile) -> Result<(), Stop> {
        if from == self.profile.id || state.id != from || !state.is_active() {
            let what = "what is to be merged in is not the active state of another profile";
            return Err(Fault::new("inactive", from.to_string(), what).into());
        }
        if state.basis != self.rules.basis {
            let what =
                "it must be upgraded to the program at hand before it is merged, or its metrics are lost";
            return Err(Fault::new("behind", from.to_string(), what).into());
        }
        self.effect(Effect::Absorbed(from, state.encode()))?;
        let groups = self.profile.wallets.take_in(&state.wallets, self.times.occurred_at);
        for group in groups.map_err(ledger_fault)? {
            self.post(group)?;
        }
        self.all_dirty();
        self.note(0, || format!("took in profile {from}"));
        Ok(())
    }
}
