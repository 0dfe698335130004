//! evolve: the only way a profile's state changes.

use ledger::GroupId;

use crate::{Effect, Profile, apply, record::Recorded};

/// Applies a recorded decision. Total: what a record says is done, whatever the rules are now. A record
/// whose body has been erased applies its header alone (the ledger, and that the person was erased).
pub fn evolve(profile: &mut Profile, recorded: &Recorded) {
    let Recorded { n, times, epoch, kind, decision, .. } = recorded;
    apply::begin(profile, *n, *times, *epoch, kind);
    for (index, group) in (0_u16..).zip(&decision.groups) {
        let id = GroupId { profile: recorded.profile, n: *n, index };
        // What does not fit was refused when it was decided; a damaged journal is `verify`'s to report.
        let _ = profile.wallets.apply(group, id);
    }
    for outcome in &decision.outcomes {
        if outcome.stopped.is_none() {
            apply::count_firing(profile, &outcome.reactor);
        }
    }
    for effect in &decision.effects {
        let _ = apply::apply(profile, effect);
    }
    if *kind == "erase" && recorded.input.is_none() {
        let _ = apply::apply(profile, &Effect::Erased);
    }
    profile.tail = recorded.hash;
    apply::finish(profile);
}
