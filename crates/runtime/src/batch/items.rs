//! One item of a batch: whether it is a copy, whether it is put aside, whose it is, and its decision.

use std::sync::Arc;

use engine::{
    Decision, Identity, Input, Known, Message, Profile, Rules, admit::Admission, profile::Standing,
    resolve::Owner,
};
use jiff::Timestamp;
use ledger::ProfileId;
use store::{DirectoryEntry, DirectoryKey, Stream};

use super::{
    item::{Item, Prepared},
    scratch::{Keys, Scratch, Stop},
};
use crate::{
    Error,
    hashed::Hasher,
    ingest::{Decided, ItemOutcome, Problem},
    quarantine::{self, Counted},
};

pub(super) fn decide_item(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    item: &Item,
    releases: Option<[u8; 16]>,
) -> Result<ItemOutcome, Stop> {
    let key = item.key();
    let seen = scratch.directory(&DirectoryKey::Message(key));
    let in_quarantine = DirectoryEntry::Record(Stream::Quarantine(key), 1);
    let first_time = match releases {
        None => seen.is_none(),
        Some(_) => seen == Some(in_quarantine),
    };
    if !first_time {
        return Ok(ItemOutcome::Duplicate { by: "message_id".into() });
    }
    let prepared = match item {
        Item::Message(prepared) => prepared,
        Item::Malformed(malformed, _) => {
            return set_aside(scratch, hasher, item, "malformed", malformed.problems.clone(), releases);
        }
    };
    let rules = Arc::clone(&scratch.ground.rules);
    let judged = prepared.judged(hasher, &rules);
    let warnings = match &judged.admission {
        Admission::Accept(warnings) => warnings.clone(),
        Admission::Quarantine { code, problems } => {
            return set_aside(scratch, hasher, item, code, problems.clone(), releases);
        }
    };
    let unique = judged.unique;
    if let Some(unique) = unique
        && let Some(first) = scratch.directory(&DirectoryKey::Unique(unique))
    {
        let by = unique_by(&rules, &prepared.message);
        // One that was put aside need not wait any longer: it has been counted. Its id leads there from now on.
        if releases.is_some()
            && let DirectoryEntry::Record(Stream::Profile(profile), n) = first
        {
            scratch.claim(DirectoryKey::Message(key), first);
            release(scratch, releases, Some(Counted { by: by.clone(), profile, n }))?;
        }
        return Ok(ItemOutcome::Duplicate { by });
    }
    let (target, n, decision) = decide_message(scratch, hasher, prepared, Keys { key: Some(key), unique })?;
    let record = DirectoryEntry::Record(Stream::Profile(target), n);
    scratch.claim(DirectoryKey::Message(key), record);
    if let Some(unique) = unique {
        scratch.claim(DirectoryKey::Unique(unique), record);
    }
    release(scratch, releases, None)?;
    Ok(ItemOutcome::Decided(Decided::of(target, n, rules.epoch, &decision, warnings)))
}

/// Takes an item out of quarantine, if it is one that stands there.
fn release(
    scratch: &mut Scratch<'_>,
    releases: Option<[u8; 16]>,
    counted: Option<Counted>,
) -> Result<(), Stop> {
    if let Some(released) = releases
        && let Some((_, first)) = scratch.ground.loaded.released.get(&released)
    {
        let record = quarantine::released(first, scratch.ground.now, counted)
            .map_err(|error| engine::Fault::new("internal", "quarantine", error.to_string()))?;
        scratch.own.records.push(record);
        scratch.own.quarantine.push((released, None));
    }
    Ok(())
}

/// Resolves whose message it is, merges who must be merged, and decides it.
fn decide_message(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    prepared: &Prepared,
    keys: Keys,
) -> Result<(ProfileId, u64, Decision), Stop> {
    let message = &prepared.message;
    let owner = |identity: &Identity| match scratch
        .directory(&DirectoryKey::Identity(prepared.identity(hasher, identity)))
    {
        Some(DirectoryEntry::Profile(profile)) => {
            let profile = scratch.living(profile);
            let known = scratch.profile(profile).is_some_and(|profile| profile.standing == Standing::Known);
            Some(Owner { profile, known })
        }
        _ => None,
    };
    let user = message.user_id.clone().map(Identity::User);
    let anonymous = message.anonymous_id.clone().map(Identity::Anonymous);
    let previous = message.previous_id.as_ref().and_then(|previous| {
        owner(&Identity::User(previous.clone())).or_else(|| owner(&Identity::Anonymous(previous.clone())))
    });
    let known = Known {
        user: user.as_ref().and_then(owner),
        anonymous: anonymous.as_ref().and_then(owner),
        previous,
    };
    let resolution = engine::resolve(message, known);
    let target = resolution.target;
    let at = message.occurred_at;
    scratch.bring_up(target, at)?;
    for &from in &resolution.merges {
        merge(scratch, hasher, from, target, at)?;
    }
    scratch.bring_up(target, at)?;
    let (n, decision) = scratch.message(target, prepared, resolution.claims.clone(), keys)?;
    for identity in &resolution.claims {
        let key = DirectoryKey::Identity(prepared.identity(hasher, identity));
        scratch.claim(key, DirectoryEntry::Profile(target));
    }
    Ok((target, n, decision))
}

/// One person under two profiles: the first moves into the second, in both streams at once.
fn merge(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    from: ProfileId,
    into: ProfileId,
    at: Timestamp,
) -> Result<(), Stop> {
    scratch.bring_up(from, at)?;
    let Some(state) = scratch.profile(from).map(|profile| Profile::clone(profile)) else { return Ok(()) };
    let identities = state.identities.clone();
    scratch.input(from, &Input::MergeOut { into }, at, Keys::default())?;
    scratch.input(into, &Input::MergeIn { from, state: Box::new(state) }, at, Keys::default())?;
    for identity in identities.iter() {
        scratch.hand_over(DirectoryKey::Identity(hasher.identity(identity)), from, into);
    }
    Ok(())
}

/// Puts an item into quarantine, once: a released item that still does not fit stays where it is.
pub(super) fn set_aside(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    item: &Item,
    code: &str,
    problems: Vec<Problem>,
    releases: Option<[u8; 16]>,
) -> Result<ItemOutcome, Stop> {
    let problems = quarantine::told(problems);
    if releases.is_none() {
        let key = item.key();
        let salt = scratch.salt();
        let fault = |error: Error| engine::Fault::new("internal", "quarantine", error.to_string());
        let record = quarantine::put_aside(key, item.incoming(), code, &problems, scratch.ground.now, salt)
            .map_err(fault)?;
        let row = quarantine::row(&as_stored(&record), hasher).map_err(fault)?;
        scratch.own.quarantine.push((key, row));
        scratch.own.records.push(record);
        scratch.claim(DirectoryKey::Message(key), DirectoryEntry::Record(Stream::Quarantine(key), 1));
    }
    Ok(ItemOutcome::Quarantined { code: code.to_owned(), problems })
}

fn as_stored(record: &store::NewRecord) -> store::Record {
    store::Record {
        stream: record.stream,
        n: record.n,
        decided_at: record.decided_at,
        header: record.header.clone(),
        body: record.body.clone(),
    }
}

fn unique_by(rules: &Rules, message: &Message) -> String {
    message
        .event
        .as_deref()
        .and_then(|name| rules.program.event_names.get(name))
        .and_then(|key| rules.program.event_types.get(key))
        .and_then(|event_type| event_type.unique_by.as_ref())
        .map_or_else(|| "unique_by".into(), |path| format!("properties.{}", path.join(".")))
}
