//! One order of a batch: a manual credit, debit, reversal or erasure.

use engine::{Command, Input, input::Order, profile::Standing};
use ledger::ProfileId;
use store::{DirectoryEntry, DirectoryKey, Stream};

use super::scratch::{Keys, Scratch, Stop};
use crate::{Error, Result, command::Ordered, hashed::Hasher};

/// Why an order was not carried out.
pub(super) enum OrderStop {
    Stop(Stop),
    Refused(Error),
}

impl From<Stop> for OrderStop {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(super) fn decide_order(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    profile: ProfileId,
    command: &Command,
    key: Option<[u8; 16]>,
) -> Result<Ordered, OrderStop> {
    if let Some(key) = key
        && scratch.directory(&DirectoryKey::Command(key)).is_some()
    {
        return earlier_order(scratch, command, profile, key).map_err(OrderStop::Refused);
    }
    let missing = || OrderStop::Refused(Error::Store(store::Error::Missing(format!("profile {profile}"))));
    let mut living = scratch.living(profile);
    if command.order == Order::Erase && !scratch.is_active(living) {
        // What it lives on in is erased, it itself is not: so after a restore, which erases one by one.
        living = profile;
    }
    let Some(state) = scratch.profile(living).cloned() else { return Err(missing()) };
    if command.order == Order::Erase {
        if state.standing == Standing::Erased {
            return Err(missing());
        }
    } else if !state.is_active() {
        return Err(missing());
    }
    let at = scratch.ground.now.max(state.latest);
    scratch.bring_up(living, at)?;
    let input = Input::Command(command.clone());
    let identities = scratch.profile(living).map(|profile| profile.identities.clone()).unwrap_or_default();
    let (n, decision) = scratch.input(living, &input, at, Keys { key, unique: None })?;
    if command.order == Order::Erase {
        for identity in identities.iter() {
            scratch.forget(DirectoryKey::Identity(hasher.identity(identity)));
        }
        let streams = scratch.ground.loaded.erasures.get(&profile).cloned().unwrap_or_default();
        for stream in &streams {
            match stream {
                // Those merged into it: their own streams say that they are erased, too.
                Stream::Profile(merged) if *merged != living => {
                    let latest =
                        scratch.profile(*merged).filter(|merged| merged.standing != Standing::Erased);
                    let Some(latest) = latest.map(|merged| merged.latest) else { continue };
                    scratch.input(*merged, &input, at.max(latest), Keys::default())?;
                }
                Stream::Quarantine(message) => scratch.own.quarantine.push((*message, None)),
                Stream::Profile(_) | Stream::Control => {}
            }
        }
        scratch.own.erase.extend(streams);
    }
    if let Some(key) = key {
        scratch.claim(DirectoryKey::Command(key), DirectoryEntry::Record(Stream::Profile(living), n));
    }
    Ok(Ordered { profile: living, n, groups: decision.groups, replayed: false })
}

/// The same order again under its key: what it came to then. Another order under it is refused.
fn earlier_order(
    scratch: &Scratch<'_>,
    command: &Command,
    profile: ProfileId,
    key: [u8; 16],
) -> Result<Ordered> {
    let Some(recorded) = scratch.ground.loaded.commands.get(&key) else {
        // Decided earlier in this very batch: the caller asks again and finds it.
        return Err(Error::Conflict(
            "a request with this Idempotency-Key is being carried out at this moment; send this one again to get its answer".into(),
        ));
    };
    let same = match &recorded.input {
        Some(Input::Command(earlier)) => {
            earlier.order == command.order && scratch.living(profile) == scratch.living(recorded.profile)
        }
        // Its body was erased: the order cannot be compared any more.
        _ => false,
    };
    if !same {
        return Err(Error::KeyReused);
    }
    Ok(Ordered {
        profile: recorded.profile,
        n: recorded.n,
        groups: recorded.decision.groups.clone(),
        replayed: true,
    })
}
