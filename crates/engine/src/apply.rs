//! Applying effects: the same functions serve `decide` on its working copy and `evolve` on the state, so
//! that the two cannot drift apart. They know no rules.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::{
    Effect, Fault, Identity, Profile, Times,
    profile::{Firings, MetricState, Observation, Observed, Standing},
    sorted::SortedMap,
};

/// What every record does before its own content: position, times, epoch.
pub(crate) fn begin(profile: &mut Profile, n: u64, times: Times, epoch: u64, kind: &str) {
    if n == 1 {
        profile.created_at = times.decided_at;
        profile.decided_at = times.decided_at;
        profile.latest = times.occurred_at;
    }
    profile.n = n;
    profile.epoch = epoch;
    profile.decided_at = profile.decided_at.max(times.decided_at);
    profile.latest = profile.latest.max(times.occurred_at);
    if kind == "identify" {
        profile.identified_at = profile.identified_at.max(Some(times.occurred_at));
    }
}

/// What every record does last: the earliest work due.
pub(crate) fn finish(profile: &mut Profile) {
    profile.due_at = [profile.wallets.due_at(), profile.rolls_at].into_iter().flatten().min();
}

/// A reactor fired.
pub(crate) fn count_firing(profile: &mut Profile, reactor: &Arc<str>) {
    let firings = Arc::make_mut(&mut profile.fired).or_default(Arc::clone(reactor));
    firings.lifetime = firings.lifetime.saturating_add(1);
}

/// Applies one effect. Fails, with the state as it was, only where numbers leave their range.
pub(crate) fn apply(profile: &mut Profile, effect: &Effect) -> Result<(), Fault> {
    match effect {
        Effect::Identity(identity) => add_identity(profile, identity),
        Effect::Trait(key, Some(value)) => {
            Arc::make_mut(&mut profile.traits).insert(Arc::clone(key), value.clone());
        }
        Effect::Trait(key, None) => {
            Arc::make_mut(&mut profile.traits).remove(key);
            Arc::make_mut(&mut profile.searchable).remove(key);
        }
        Effect::Searchable(key, true) => {
            Arc::make_mut(&mut profile.searchable).insert(Arc::clone(key));
        }
        Effect::Searchable(key, false) => {
            Arc::make_mut(&mut profile.searchable).remove(key);
        }
        Effect::Observe(key, observation) => {
            let state = Arc::make_mut(&mut profile.metrics).get_mut(key).ok_or_else(|| mismatch(key))?;
            observe(key, Arc::make_mut(state), observation)?;
        }
        Effect::Define(key, fingerprint, keep_days, observations) => {
            let mut state = MetricState {
                fingerprint: *fingerprint,
                keep_days: *keep_days,
                buckets: SortedMap::default(),
            };
            for observation in observations {
                observe(key, &mut state, observation)?;
            }
            Arc::make_mut(&mut profile.metrics).insert(Arc::clone(key), Arc::new(state));
        }
        Effect::Forget(key) => {
            Arc::make_mut(&mut profile.metrics).remove(key);
        }
        Effect::Entered(key, at) => {
            Arc::make_mut(&mut profile.audiences).insert(Arc::clone(key), *at);
        }
        Effect::Left(key, _) => {
            Arc::make_mut(&mut profile.audiences).remove(key);
        }
        Effect::Fired(key, windows) => {
            let firings = Arc::make_mut(&mut profile.fired).or_default(Arc::clone(key));
            for window in windows {
                let count = firings.windows.entry(*window).or_default();
                *count = count.saturating_add(1);
            }
            prune(firings);
        }
        Effect::Emitted(..) | Effect::Outbox(..) => {}
        Effect::MergedInto(into) => {
            clear(profile);
            profile.basis = [0; 32];
            profile.standing = Standing::MergedInto(*into);
        }
        Effect::Absorbed(_, state) => absorb(profile, state)?,
        Effect::Erased => {
            clear(profile);
            profile.basis = [0; 32];
            profile.wallets = Arc::default();
            profile.standing = Standing::Erased;
        }
        Effect::Basis(basis) => profile.basis = *basis,
        Effect::Declared(fingerprints) => profile.declared = Arc::clone(fingerprints),
        Effect::Due(at) => profile.rolls_at = *at,
    }
    Ok(())
}

fn add_identity(profile: &mut Profile, identity: &Identity) {
    if let Err(at) = profile.identities.binary_search(identity) {
        Arc::make_mut(&mut profile.identities).insert(at, identity.clone());
    }
    if matches!(identity, Identity::User(_)) && profile.standing == Standing::Anonymous {
        profile.standing = Standing::Known;
    }
}

/// Takes away all that is the person's but the wallets.
fn clear(profile: &mut Profile) {
    profile.identities = Arc::default();
    profile.traits = Arc::default();
    profile.searchable = Arc::default();
    profile.declared = Arc::default();
    profile.metrics = Arc::default();
    profile.audiences = Arc::default();
    profile.fired = Arc::default();
    profile.identified_at = None;
    profile.rolls_at = None;
}

fn observe(key: &str, state: &mut MetricState, observation: &Observation) -> Result<(), Fault> {
    match state.buckets.get_mut(&observation.day) {
        Some(bucket) => join(key, bucket, &observation.value)?,
        None => state.buckets.insert(observation.day, observation.value.clone()),
    }
    if state.keep_days > 0
        && state.buckets.len() > 1
        && let Some(&(newest, _)) = state.buckets.last()
    {
        let oldest = newest.saturating_sub(i32::from(state.keep_days)).saturating_add(1);
        state.buckets.keep_from(&oldest);
    }
    Ok(())
}

/// Puts what was observed into a bucket.
pub(crate) fn join(key: &str, bucket: &mut Observed, more: &Observed) -> Result<(), Fault> {
    match (bucket, more) {
        (Observed::Count(n), Observed::Count(m)) => *n = n.checked_add(*m).ok_or_else(|| overflow(key))?,
        (Observed::Sum(a), Observed::Sum(b)) => *a = exact_sum(*a, *b).ok_or_else(|| overflow(key))?,
        (Observed::Min(a), Observed::Min(b)) => *a = (*a).min(*b),
        (Observed::Max(a), Observed::Max(b)) => *a = (*a).max(*b),
        (Observed::Last(at, value), Observed::Last(new_at, new)) => {
            if new_at >= at {
                *at = *new_at;
                value.clone_from(new);
            }
        }
        (Observed::Earliest(a), Observed::Earliest(b)) => *a = (*a).min(*b),
        (Observed::Latest(a), Observed::Latest(b)) => *a = (*a).max(*b),
        _ => return Err(mismatch(key)),
    }
    Ok(())
}

/// The sum, unless it needs more than 28 digits: a decimal would round it without a word.
pub(crate) fn exact_sum(a: Decimal, b: Decimal) -> Option<Decimal> {
    a.checked_add(b).filter(|sum| sum.scale() == a.scale().max(b.scale()))
}

fn overflow(key: &str) -> Fault {
    Fault::new("overflow", format!("metric/{key}"), "the sum needs more than 28 digits")
}

fn mismatch(key: &str) -> Fault {
    Fault::new("internal", format!("metric/{key}"), "it was counted under another definition")
}

/// Keeps the newest windows of each kind.
fn prune(firings: &mut Firings) {
    let mut seen = (u8::MAX, 0_usize);
    let mut gone = Vec::new();
    for key in firings.windows.keys().rev() {
        seen = if key.0 == seen.0 { (seen.0, seen.1 + 1) } else { (key.0, 1) };
        if seen.1 > Firings::KEPT {
            gone.push(*key);
        }
    }
    for key in gone {
        firings.windows.remove(&key);
    }
}

/// Takes in another profile's state; its wallets come as posting groups, its memberships are worked out
/// anew. What this profile says of itself wins.
fn absorb(profile: &mut Profile, state: &[u8]) -> Result<(), Fault> {
    let other = Profile::decode(state).map_err(|e| Fault::new("record", "merge", e.to_string()))?;
    let mut metrics = SortedMap::clone(&profile.metrics);
    for (key, theirs) in other.metrics.iter() {
        match metrics.get_mut(key) {
            Some(ours) if ours.fingerprint == theirs.fingerprint => {
                for (day, value) in theirs.buckets.iter() {
                    let observation = Observation { day: *day, value: value.clone() };
                    observe(key, Arc::make_mut(ours), &observation)?;
                }
            }
            None if profile.declared.binary_search(&theirs.fingerprint).is_ok() => {
                metrics.insert(Arc::clone(key), Arc::clone(theirs));
            }
            _ => {}
        }
    }
    profile.metrics = Arc::new(metrics);
    for identity in other.identities.iter() {
        add_identity(profile, identity);
    }
    for (key, value) in other.traits.iter() {
        if !profile.traits.contains_key(key) {
            if other.searchable.contains(key) {
                Arc::make_mut(&mut profile.searchable).insert(Arc::clone(key));
            }
            Arc::make_mut(&mut profile.traits).insert(Arc::clone(key), value.clone());
        }
    }
    for (reactor, theirs) in other.fired.iter() {
        let ours = Arc::make_mut(&mut profile.fired).or_default(Arc::clone(reactor));
        ours.lifetime = ours.lifetime.saturating_add(theirs.lifetime);
        for (window, count) in &theirs.windows {
            let sum = ours.windows.entry(*window).or_default();
            *sum = sum.saturating_add(*count);
        }
        prune(ours);
    }
    profile.latest = profile.latest.max(other.latest);
    profile.identified_at = profile.identified_at.max(other.identified_at);
    Ok(())
}
