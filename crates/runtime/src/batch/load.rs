//! What a batch reads before it is decided: directory entries, profiles, and the rare rest.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use engine::{Message, Profile, Rules, profile::Standing, record::Recorded};
use ledger::ProfileId;
use store::{Direction, DirectoryEntry, DirectoryKey, Record, Stream};

use super::{
    flight::Ahead,
    hints::{Hints, Known, Trust},
    item::Item,
    job::{Job, Task},
};
use crate::{Environment, Result, quarantine};

/// Everything a batch's decisions read.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) directory: HashMap<DirectoryKey, DirectoryEntry>,
    pub(crate) profiles: HashMap<ProfileId, Arc<Profile>>,
    /// Messages so far, of profiles whose upgrade needs them.
    pub(crate) histories: HashMap<ProfileId, Arc<[Message]>>,
    /// What earlier commands under the same Idempotency-Key came to.
    pub(crate) commands: HashMap<[u8; 16], Recorded>,
    /// Quarantined items to decide again, by message key.
    pub(crate) released: HashMap<[u8; 16], (Item, Record)>,
    /// For erasures: streams of people merged into this one, and quarantined events of the same person.
    pub(crate) erasures: HashMap<ProfileId, Vec<Stream>>,
}

/// Loads what deciding `jobs` reads, as it will be when what is `ahead` has been committed. `None` when some of
/// it can only be read after that.
pub(crate) async fn load(
    environment: &Environment,
    hints: &Hints,
    rules: &Rules,
    jobs: &[Job],
    ahead: &Ahead<'_>,
) -> Result<Option<Loaded>> {
    let reads_records = |job: &Job| matches!(job.task, Task::Order { .. } | Task::Release(_));
    if !ahead.is_empty() && jobs.iter().any(reads_records) {
        return Ok(None);
    }
    let mut loaded = Loaded::default();
    let mut keys = BTreeSet::new();
    let mut profiles = BTreeSet::new();
    let mut fresh = BTreeSet::new();
    let hasher = &environment.hasher;
    let wants = |item: &Item, keys: &mut BTreeSet<DirectoryKey>| {
        keys.insert(DirectoryKey::Message(item.key()));
        if let Item::Message(prepared) = item {
            keys.extend(prepared.named.iter().map(|(_, key)| DirectoryKey::Identity(*key)));
            keys.extend(prepared.judged(hasher, rules).unique.map(DirectoryKey::Unique));
        }
    };
    for job in jobs {
        match &job.task {
            Task::Items(items) => items.iter().for_each(|item| wants(item, &mut keys)),
            Task::Order { profile, idempotency_key, .. } => {
                fresh.insert(*profile);
                keys.extend(idempotency_key.as_deref().map(|key| DirectoryKey::Command(hasher.command(key))));
            }
            Task::Wake(woken) => fresh.extend(woken.iter().map(|(id, _)| *id)),
            Task::Release(messages) => {
                for key in messages {
                    let stream = Stream::Quarantine(*key);
                    let Some(record) = environment.store.record(stream, 1).await? else { continue };
                    let Some(incoming) = quarantine::read(&record)? else { continue };
                    let item = Item::prepare(incoming, hasher, rules);
                    wants(&item, &mut keys);
                    loaded.released.insert(*key, (item, record));
                }
            }
        }
    }
    let mut entries = Vec::with_capacity(keys.len());
    keys.retain(|key| {
        let known = ahead.directory(key);
        entries.extend(known.map(|entry| (*key, *entry)));
        known.is_none()
    });
    // Released events are in the directory already, however long ago they came.
    let trust = match hints.begin() {
        Trust::Full if !loaded.released.is_empty() => Trust::Cautious,
        trust => trust,
    };
    let mut unknown = Vec::with_capacity(keys.len());
    for key in keys {
        match hints.key(&key, trust) {
            Known::Leads(entry) => entries.push((key, Some(entry))),
            Known::Nowhere => {}
            Known::Unknown => unknown.push(key),
        }
    }
    let found = environment.store.lookup(&unknown).await?;
    for (key, entry) in unknown.iter().zip(&found) {
        match entry {
            Some(entry) => hints.found(*key, *entry),
            None => hints.missing(key),
        }
    }
    entries.extend(unknown.into_iter().zip(found));
    for (key, entry) in &entries {
        let Some(entry) = *entry else { continue };
        loaded.directory.insert(*key, entry);
        match (key, entry) {
            (_, DirectoryEntry::Profile(profile)) => {
                profiles.insert(profile);
            }
            (DirectoryKey::Command(hash), DirectoryEntry::Record(stream, n)) => {
                if let Some(record) = environment.store.record(stream, n).await? {
                    let recorded = engine::record::decode(&record.header, record.body.as_deref())?;
                    loaded.commands.insert(*hash, recorded);
                }
            }
            _ => {}
        }
    }
    // An order may be refused, and there may be nothing to do for who was woken: nothing is written then that would show
    // a hint to be wrong. Another node may have given them points a moment ago, or left something to be done.
    load_profiles(environment, hints, Source::Ahead(ahead), &mut loaded, fresh).await?;
    let remembered = if trust == Trust::None { Source::Ahead(ahead) } else { Source::Hints(ahead) };
    load_profiles(environment, hints, remembered, &mut loaded, profiles).await?;
    forget_the_erased(&mut loaded);
    if !ahead.is_empty() && loaded.profiles.values().any(|profile| rules.needs_history(profile)) {
        return Ok(None);
    }
    load_rest(environment, hints, rules, jobs, &mut loaded).await?;
    Ok(Some(loaded))
}

/// Nobody's identity leads to who was erased: one that seems to was remembered, or read a moment too early. It is taken
/// for one that leads nowhere, and whoever claims it now is told by the commit if it leads somewhere else.
fn forget_the_erased(loaded: &mut Loaded) {
    let profiles = &loaded.profiles;
    loaded.directory.retain(|_, entry| {
        let DirectoryEntry::Profile(mut id) = *entry else { return true };
        while let Some(Standing::MergedInto(into)) = profiles.get(&id).map(|profile| profile.standing) {
            id = into;
        }
        profiles.get(&id).is_none_or(|profile| profile.standing != Standing::Erased)
    });
}

/// Where profiles come from besides the store.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// What is ahead.
    Ahead(&'a Ahead<'a>),
    /// That, and what is remembered.
    Hints(&'a Ahead<'a>),
}

/// Loads profiles, and those they live on in; leaves alone what is loaded already.
async fn load_profiles(
    environment: &Environment,
    hints: &Hints,
    from: Source<'_>,
    loaded: &mut Loaded,
    mut wanted: BTreeSet<ProfileId>,
) -> Result<()> {
    wanted.retain(|id| !loaded.profiles.contains_key(id));
    while !wanted.is_empty() {
        let mut missing = Vec::new();
        let mut next = BTreeSet::new();
        let mut take = |profile: Arc<Profile>, loaded: &mut Loaded| {
            if let Standing::MergedInto(into) = profile.standing
                && !loaded.profiles.contains_key(&into)
            {
                next.insert(into);
            }
            loaded.profiles.insert(profile.id, profile);
        };
        for id in &wanted {
            let known = match from {
                Source::Ahead(ahead) => ahead.profile(*id),
                Source::Hints(ahead) => ahead.profile(*id).or_else(|| hints.profile(*id)),
            };
            match known {
                Some(profile) => take(profile, loaded),
                None => missing.push(*id),
            }
        }
        for row in environment.store.profiles(&missing).await?.into_iter().flatten() {
            let profile = Arc::new(Profile::decode(&row.state)?);
            hints.keep(Arc::clone(&profile));
            take(profile, loaded);
        }
        wanted = next;
    }
    Ok(())
}

/// The rare rest: histories for upgrades, what an erasure takes along.
async fn load_rest(
    environment: &Environment,
    hints: &Hints,
    rules: &Rules,
    jobs: &[Job],
    loaded: &mut Loaded,
) -> Result<()> {
    let behind: Vec<ProfileId> =
        loaded.profiles.values().filter(|profile| rules.needs_history(profile)).map(|p| p.id).collect();
    for id in behind {
        loaded.histories.insert(id, history(environment, id).await?);
    }
    for job in jobs {
        if let Task::Order { profile, command, .. } = &job.task
            && command.order == engine::input::Order::Erase
        {
            let streams = erasure(environment, loaded, *profile).await?;
            let merged = streams.iter().filter_map(|stream| match stream {
                Stream::Profile(id) if !loaded.profiles.contains_key(id) => Some(*id),
                _ => None,
            });
            let merged = merged.collect();
            load_profiles(environment, hints, Source::Ahead(&Ahead::default()), loaded, merged).await?;
            loaded.erasures.insert(*profile, streams);
        }
    }
    Ok(())
}

const PAGE: usize = 1_000;

/// All records of a profile's stream, oldest first, decoded.
pub(crate) async fn records(environment: &Environment, profile: ProfileId) -> Result<Vec<Recorded>> {
    let mut found = Vec::new();
    let mut after = None;
    // A stream is chained from its end: forward, every page would be walked to from there.
    loop {
        let page =
            environment.store.stream(Stream::Profile(profile), Direction::Backward, after, PAGE).await?;
        for record in &page.rows {
            found.push(engine::record::decode(&record.header, record.body.as_deref())?);
        }
        after = page.next;
        if after.is_none() {
            found.reverse();
            return Ok(found);
        }
    }
}

/// A profile's messages so far, oldest first: its own, and those of profiles merged into it.
pub(crate) async fn history(environment: &Environment, profile: ProfileId) -> Result<Arc<[Message]>> {
    let own = records(environment, profile).await?;
    history_from(environment, own).await
}

/// The same, of a part of a profile's stream.
pub(crate) async fn history_from(environment: &Environment, own: Vec<Recorded>) -> Result<Arc<[Message]>> {
    let mut messages = Vec::new();
    let mut parts = vec![own];
    while let Some(records) = parts.pop() {
        let mut streams = Vec::new();
        streams.extend(records.iter().filter_map(|recorded| match recorded.input {
            Some(engine::Input::MergeIn { from, .. }) => Some(from),
            _ => None,
        }));
        messages.extend(records.iter().flat_map(engine::replay::history_of));
        for stream in streams {
            parts.push(self::records(environment, stream).await?);
        }
    }
    messages.sort_by(|a, b| {
        (a.occurred_at, a.received_at, &a.message_id).cmp(&(b.occurred_at, b.received_at, &b.message_id))
    });
    Ok(messages.into())
}

/// Every stream that holds something of this person: their own, those merged into it, their quarantined
/// events.
async fn erasure(environment: &Environment, loaded: &Loaded, profile: ProfileId) -> Result<Vec<Stream>> {
    let mut found = Vec::new();
    let mut identities = BTreeSet::new();
    let mut streams = vec![profile];
    // It is the one it lives on in that is erased.
    let mut living = profile;
    while let Some(state) = loaded.profiles.get(&living) {
        // After a restore the bodies that named them may be gone.
        identities.extend(state.identities.iter().map(|identity| environment.hasher.identity(identity)));
        let Standing::MergedInto(into) = state.standing else { break };
        if loaded.profiles.get(&into).is_some_and(|into| into.is_active()) {
            streams = vec![into];
        }
        living = into;
    }
    while let Some(stream) = streams.pop() {
        found.push(Stream::Profile(stream));
        for recorded in records(environment, stream).await? {
            for effect in &recorded.decision.effects {
                if let engine::Effect::Identity(identity) = effect {
                    identities.insert(environment.hasher.identity(identity));
                }
            }
            if let Some(engine::Input::MergeIn { from, .. }) = recorded.input {
                streams.push(from);
            }
        }
    }
    for identity in identities {
        let messages = environment.store.quarantine_of(identity).await?;
        found.extend(messages.into_iter().map(Stream::Quarantine));
    }
    Ok(found)
}
