//! Parts of a batch decided again, inside its transaction: those that rest on profiles which another node has changed,
//! and all that hang together with them. The rest of the batch stays as it was drafted.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use engine::{Profile, input::Order, profile::Standing};
use ledger::ProfileId;
use store::{DirectoryEntry, DirectoryKey, ProfileRow, Stream, SumChange, Writes};

use super::{BatchDeciding, Output, Part, Stop, word};
use crate::{
    Result,
    batch::{Answer, item::Item, job::Task, unwritten::Unwritten},
    command::Ordered,
    ingest::ItemOutcome,
};

/// What deciding again has changed in what is left behind for after the commit.
pub(super) struct Settled {
    /// Which item of which job, what became of it, and what it is counted under.
    items: Vec<(usize, usize, ItemOutcome, String)>,
    orders: BTreeMap<usize, Result<Ordered>>,
    /// Of the same profiles and keys as before.
    rest: Output,
}

impl Output {
    /// Puts in what was decided again.
    pub(super) fn settle(&mut self, settled: Settled) {
        let Settled { items, orders, rest } = settled;
        for (job, at, outcome, label) in items {
            if let Some(Answer::Items(outcomes)) = self.answers.get_mut(job)
                && let Some(before) = outcomes.get_mut(at)
            {
                self.counted.take_back(word(before), &label);
                self.counted.add(word(&outcome), &label);
                *before = outcome;
            }
        }
        for (job, ordered) in orders {
            if let Some(answer) = self.answers.get_mut(job) {
                *answer = Answer::Order(ordered);
            }
        }
        self.profiles.extend(rest.profiles);
        self.directory.extend(rest.directory);
        let again: HashSet<_> = rest.lines.iter().map(|line| line.message_id.clone()).collect();
        self.lines.retain(|line| !again.contains(&line.message_id));
        self.lines.extend(rest.lines);
        self.due_changed |= rest.due_changed;
    }
}

/// What parts have in common when one cannot be decided without the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Handle {
    Profile(ProfileId),
    Key(DirectoryKey),
}

/// Everything that hangs together with some profiles.
struct Tangle {
    handles: HashSet<Handle>,
    /// Parts, in their order.
    parts: Vec<usize>,
}

impl Tangle {
    fn holds(&self, profile: ProfileId) -> bool {
        self.handles.contains(&Handle::Profile(profile))
    }

    fn holds_stream(&self, stream: Stream) -> bool {
        match stream {
            Stream::Profile(profile) => self.holds(profile),
            Stream::Quarantine(message) => {
                self.handles.contains(&Handle::Key(DirectoryKey::Message(message)))
            }
            Stream::Control => false,
        }
    }

    fn holds_key(&self, key: DirectoryKey, entry: DirectoryEntry) -> bool {
        // Identities of a profile that was merged are claimed without being named.
        self.handles.contains(&Handle::Key(key)) || profile_of(entry).is_some_and(|id| self.holds(id))
    }
}

const fn profile_of(entry: DirectoryEntry) -> Option<ProfileId> {
    match entry {
        DirectoryEntry::Profile(profile) | DirectoryEntry::Record(Stream::Profile(profile), _) => {
            Some(profile)
        }
        DirectoryEntry::Record(..) => None,
    }
}

impl BatchDeciding {
    /// Decides again what rests on these profiles, from how they stand now, and puts that into `writes`. False when
    /// something else would have to be read for it.
    pub(crate) fn overtaken(&mut self, writes: &mut Writes, now: &[ProfileRow]) -> bool {
        self.settle(writes, now).is_some()
    }

    fn settle(&mut self, writes: &mut Writes, now: &[ProfileRow]) -> Option<()> {
        if self.incomplete || !writes.erase.is_empty() || !writes.forget.is_empty() {
            return None;
        }
        for row in now {
            let profile = Profile::decode(&row.state).ok()?;
            // Who was merged or erased leads somewhere else, who has just been made was thought to be new.
            let known = self.ground.loaded.profiles.contains_key(&row.id);
            if !known || !profile.is_active() || self.ground.rules.needs_history(&profile) {
                return None;
            }
            self.ground.loaded.profiles.insert(row.id, Arc::new(profile));
        }
        let tangle = self.tangle(writes, now);
        let places = self.places(&tangle)?;
        drop_decided(writes, &tangle)?;
        for part in &tangle.parts {
            self.part_again(*part)?;
        }
        let mut items = Vec::with_capacity(places.len());
        let mut outcomes: Vec<_> =
            self.outcomes.iter_mut().map(|outcomes| std::mem::take(outcomes).into_iter()).collect();
        for (job, at, label) in places {
            items.push((job, at, outcomes[job].next()?, label));
        }
        let mut rest = Output { lines: std::mem::take(&mut self.lines), ..Output::default() };
        let working = std::mem::take(&mut self.working);
        for changed in working.profiles.values() {
            rest.due_changed |= changed.due_changed();
            rest.profiles.insert(changed.now.id, Arc::clone(&changed.now));
        }
        let (unwritten, directory) = Unwritten::new(working);
        rest.directory = directory;
        add(writes, unwritten.into_writes());
        let settled = Settled { items, orders: std::mem::take(&mut self.orders), rest };
        self.slot.0.lock().unwrap_or_else(PoisonError::into_inner).settled = Some(settled);
        Some(())
    }

    /// All parts that hang together with these profiles, by any profile or directory key.
    fn tangle(&self, writes: &Writes, now: &[ProfileRow]) -> Tangle {
        let mut leads: HashMap<DirectoryKey, DirectoryEntry> = HashMap::with_capacity(writes.claims.len());
        leads.extend(writes.claims.iter().map(|claim| (claim.key, claim.entry)));
        let parts: Vec<_> = self.parts.iter().map(|part| self.handles(part, &leads)).collect();
        let mut tangle =
            Tangle { handles: now.iter().map(|row| Handle::Profile(row.id)).collect(), parts: Vec::new() };
        let mut within = vec![false; parts.len()];
        loop {
            let mut grown = false;
            for (within, handles) in within.iter_mut().zip(&parts) {
                if !*within && handles.iter().any(|handle| tangle.handles.contains(handle)) {
                    (*within, grown) = (true, true);
                    tangle.handles.extend(handles);
                }
            }
            if !grown {
                break;
            }
        }
        tangle.parts = within.iter().enumerate().filter_map(|(at, within)| within.then_some(at)).collect();
        tangle
    }

    fn handles(&self, part: &Part, leads: &HashMap<DirectoryKey, DirectoryEntry>) -> Vec<Handle> {
        let mut handles = Vec::new();
        let mut key = |key: DirectoryKey| {
            handles.push(Handle::Key(key));
            for leads in [leads.get(&key), self.ground.loaded.directory.get(&key)].into_iter().flatten() {
                self.lives_on(profile_of(*leads), &mut handles);
            }
        };
        match part {
            Part::Item { item, .. } => {
                key(DirectoryKey::Message(item.key()));
                if let Item::Message(prepared) = item {
                    for (_, named) in &prepared.named {
                        key(DirectoryKey::Identity(*named));
                    }
                    if let Some(unique) = prepared.judged(&self.hasher, &self.ground.rules).unique {
                        key(DirectoryKey::Unique(unique));
                    }
                }
            }
            Part::Order { job } => {
                if let Some(Task::Order { profile, idempotency_key, .. }) = self.tasks.get(*job) {
                    if let Some(command) = idempotency_key.as_deref().map(|key| self.hasher.command(key)) {
                        key(DirectoryKey::Command(command));
                    }
                    self.lives_on(Some(*profile), &mut handles);
                }
            }
            Part::Wake { profile, .. } => self.lives_on(Some(*profile), &mut handles),
            Part::Absent { .. } => {}
        }
        handles
    }

    /// A profile, and those that it lives on in.
    fn lives_on(&self, profile: Option<ProfileId>, handles: &mut Vec<Handle>) {
        let mut next = profile;
        while let Some(id) = next {
            handles.push(Handle::Profile(id));
            next = match self.ground.loaded.profiles.get(&id).map(|profile| profile.standing) {
                Some(Standing::MergedInto(into)) => Some(into),
                _ => None,
            };
        }
    }

    /// Which items of which jobs the parts are, and what those are counted under. `None` when one of them needs more
    /// than profiles and keys.
    fn places(&self, tangle: &Tangle) -> Option<Vec<(usize, usize, String)>> {
        let mut seen = vec![0; self.tasks.len()];
        let mut wanted = tangle.parts.iter().peekable();
        let mut places = Vec::with_capacity(tangle.parts.len());
        for (at, part) in self.parts.iter().enumerate() {
            let again = wanted.next_if(|part| **part == at).is_some();
            match part {
                Part::Item { job, item, releases } => {
                    if again {
                        if releases.is_some() {
                            return None;
                        }
                        places.push((*job, seen[*job], self.label(item).to_owned()));
                    }
                    seen[*job] += 1;
                }
                Part::Order { job } => {
                    let erases = matches!(&self.tasks[*job], Task::Order { command, .. } if command.order == Order::Erase);
                    if again && erases {
                        return None;
                    }
                }
                Part::Absent { job } => seen[*job] += 1,
                Part::Wake { .. } => {}
            }
        }
        Some(places)
    }

    /// Decides a part again. What it was granted it has, if it asks for the same.
    fn part_again(&mut self, at: usize) -> Option<()> {
        let part = self.parts.get(at)?.clone();
        let mut granted = self.granted.get(&at).cloned().unwrap_or_default().into_iter();
        self.grants.clear();
        loop {
            match self.part(&part) {
                Ok(()) => break,
                Err(Stop::Needs(demand)) => {
                    let (before, grant) = granted.next()?;
                    if before != demand {
                        return None;
                    }
                    self.grants.push(grant);
                }
                Err(Stop::Fault(_)) => return None,
            }
        }
        self.grants.clear();
        granted.next().is_none().then_some(())
    }
}

/// Takes out what these parts came to at first.
fn drop_decided(writes: &mut Writes, tangle: &Tangle) -> Option<()> {
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for record in &writes.records {
        if tangle.holds_stream(record.stream) && matches!(record.stream, Stream::Profile(_)) {
            let recorded = engine::record::decode(&record.header, None).ok()?;
            for group in recorded.decision.groups {
                for posting in group.postings {
                    *sums.entry((group.currency.clone(), posting.account)).or_default() -= posting.amount;
                }
            }
        }
    }
    let sums = sums.into_iter();
    add_sums(writes, sums.map(|((currency, account), amount)| SumChange { currency, account, amount }));
    writes.records.retain(|record| !tangle.holds_stream(record.stream));
    writes.claims.retain(|claim| !tangle.holds_key(claim.key, claim.entry));
    writes.profiles.retain(|write| !tangle.holds(write.row.id));
    writes.quarantine.retain(|(message, _)| !tangle.holds_stream(Stream::Quarantine(*message)));
    writes.outbox.retain(|row| !tangle.holds(row.profile));
    Some(())
}

fn add(writes: &mut Writes, more: Writes) {
    writes.records.extend(more.records);
    writes.claims.extend(more.claims);
    writes.profiles.extend(more.profiles);
    add_sums(writes, more.sums.into_iter());
    writes.quarantine.extend(more.quarantine);
    writes.outbox.extend(more.outbox);
    writes.erase.extend(more.erase);
    writes.forget.extend(more.forget);
}

fn add_sums(writes: &mut Writes, more: impl Iterator<Item = SumChange>) {
    for change in more {
        let same = |sum: &&mut SumChange| sum.currency == change.currency && sum.account == change.account;
        match writes.sums.iter_mut().find(same) {
            Some(sum) => sum.amount += change.amount,
            None => writes.sums.push(change),
        }
    }
    writes.sums.retain(|sum| sum.amount != 0);
}
