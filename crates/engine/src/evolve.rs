//! evolve: the only way a profile's state changes.

use std::sync::Arc;

use ledger::{GroupId, ProfileId};

use crate::{
    Decision, Effect, Profile, Times, apply,
    record::{Encoded, Opened, Recorded, Writing},
};

/// What of a record changes the state.
struct Entry<'a> {
    profile: ProfileId,
    n: u64,
    times: Times,
    epoch: u64,
    kind: &'a str,
    decision: &'a Decision,
    bodiless: bool,
    hash: [u8; 32],
}

/// Applies a recorded decision. Total: what a record says is done, whatever the rules are now. A record
/// whose body has been erased applies its header alone (the ledger, and that the person was erased).
pub fn evolve(profile: &mut Profile, recorded: &Recorded) {
    let Recorded { profile: of, n, times, epoch, kind, decision, input, hash, .. } = recorded;
    let (n, times, epoch, bodiless) = (*n, *times, *epoch, input.is_none());
    enter(profile, &Entry { profile: *of, n, times, epoch, kind, decision, bodiless, hash: *hash });
}

/// The same for an opened record, with the decision that stands in it.
pub fn evolve_opened(profile: &mut Profile, opened: &Opened<'_>, decision: &Decision) {
    let entry = Entry {
        profile: opened.profile(),
        n: opened.n(),
        times: opened.times(),
        epoch: opened.epoch(),
        kind: opened.kind(),
        decision,
        bodiless: opened.input().is_none(),
        hash: opened.hash(),
    };
    enter(profile, &entry);
}

/// The same for a record that has just been encoded: what it decodes to is known.
pub fn evolve_written(profile: &mut Profile, writing: &Writing<'_>, encoded: &Encoded) {
    let entry = Entry {
        profile: writing.profile,
        n: writing.n,
        times: writing.times.whole(),
        epoch: writing.epoch,
        kind: writing.input.kind(),
        decision: writing.decision,
        bodiless: false,
        hash: encoded.hash,
    };
    enter(profile, &entry);
}

fn enter(profile: &mut Profile, entry: &Entry<'_>) {
    apply::begin(profile, entry.n, entry.times, entry.epoch, entry.kind);
    for (index, group) in (0_u16..).zip(&entry.decision.groups) {
        let id = GroupId { profile: entry.profile, n: entry.n, index };
        // What does not fit was refused when it was decided; a damaged journal is `verify`'s to report.
        let _ = Arc::make_mut(&mut profile.wallets).apply(group, id);
    }
    for outcome in &entry.decision.outcomes {
        if outcome.stopped.is_none() {
            apply::count_firing(profile, &outcome.reactor);
        }
    }
    for effect in &entry.decision.effects {
        let _ = apply::apply(profile, effect);
    }
    if entry.kind == "erase" && entry.bodiless {
        let _ = apply::apply(profile, &Effect::Erased);
    }
    profile.tail = entry.hash;
    apply::finish(profile);
}
