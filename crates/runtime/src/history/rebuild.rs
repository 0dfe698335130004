//! `rebuild`: every view dropped and made again from the journal, through `evolve` alone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use engine::{Input, Profile, record::Recorded};
use ledger::{Account, CurrencyKey, ProfileId};
use serde::Serialize;
use store::{
    Claim, CounterKey, DirectoryEntry, DirectoryKey, ProfileWrite, Record, Refill, Stream, SumChange, Writes,
};

use crate::{Environment, Result, hashed::Hasher, quarantine, views, work::Progress};

/// What a rebuild made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Records read.
    pub records: u64,
    /// Profiles made.
    pub profiles: u64,
}

/// Rows handed over at once.
const ROWS_AT_ONCE: usize = 2_000;

impl Environment {
    /// Makes every view again. Nothing is decided, nothing is sent; readers see the old views until it is
    /// done.
    pub async fn rebuild(&self, progress: &Progress) -> Result<Rebuilt> {
        progress.begin(self.store.record_count().await?);
        let done = Arc::new(Mutex::new(Rebuilt::default()));
        // Dropped with this future, if nobody waits for it any more.
        let waiting = Arc::new(());
        let rebuilder = Rebuilder {
            done: Arc::clone(&done),
            progress: progress.clone(),
            waited_for: Some(Arc::downgrade(&waiting)),
            ..Rebuilder::new(self.hasher.clone())
        };
        self.store.rebuild(Box::new(rebuilder)).await?;
        let rebuilt = done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(rebuilt)
    }
}

/// What records add up to, as rows of views.
pub(crate) struct Rebuilder {
    hasher: Hasher,
    profiles: HashMap<ProfileId, Profile>,
    sums: BTreeMap<(CurrencyKey, Account), i64>,
    counters: BTreeMap<String, (i64, u64)>,
    claims: HashMap<DirectoryKey, DirectoryEntry>,
    quarantine: BTreeMap<[u8; 16], Option<store::QuarantineRow>>,
    pending: Option<std::vec::IntoIter<Writes>>,
    done: Arc<Mutex<Rebuilt>>,
    progress: Progress,
    /// Gone when nobody waits any more; then it is given up, wherever it runs.
    waited_for: Option<Weak<()>>,
}

fn failed(error: &dyn std::fmt::Display, record: &Record) -> store::Error {
    store::Error::Damaged {
        what: format!("record {:?} {}", record.stream, record.n),
        detail: error.to_string(),
    }
}

impl Rebuilder {
    /// Nothing yet.
    pub(crate) fn new(hasher: Hasher) -> Self {
        Self {
            hasher,
            profiles: HashMap::new(),
            sums: BTreeMap::new(),
            counters: BTreeMap::new(),
            claims: HashMap::new(),
            quarantine: BTreeMap::new(),
            pending: None,
            done: Arc::default(),
            progress: Progress::default(),
            waited_for: None,
        }
    }

    /// An error once nobody waits any more: the store then goes back to the views of before.
    fn go_on(&self) -> store::Result<()> {
        match &self.waited_for {
            Some(waiting) if waiting.strong_count() == 0 => Err(store::Error::Refused(
                "nobody waits for the rebuild any more; it was given up".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn profile_record(&mut self, id: ProfileId, record: &Record) -> store::Result<()> {
        let recorded = engine::record::decode(&record.header, record.body.as_deref())
            .map_err(|error| failed(&error, record))?;
        self.add(id, &recorded);
        Ok(())
    }

    /// Adds the next record of a profile.
    pub(crate) fn add(&mut self, id: ProfileId, recorded: &Recorded) {
        let entry = DirectoryEntry::Record(Stream::Profile(id), recorded.n);
        if let Some(key) = recorded.key {
            let command = matches!(recorded.kind, "credit" | "debit" | "reverse" | "erase");
            let key = if command { DirectoryKey::Command(key) } else { DirectoryKey::Message(key) };
            self.claims.insert(key, entry);
        }
        if let Some(unique) = recorded.unique {
            self.claims.insert(DirectoryKey::Unique(unique), entry);
        }
        for group in &recorded.decision.groups {
            for posting in &group.postings {
                *self.sums.entry((group.currency.clone(), posting.account)).or_default() += posting.amount;
            }
        }
        for grant in &recorded.decision.grants {
            let (used, n) = self.counters.entry(grant.counter.clone()).or_default();
            *used += grant.granted;
            *n = (*n).max(grant.n);
        }
        debug_assert!(!matches!(recorded.input, Some(Input::Message(..))) || recorded.key.is_some());
        engine::evolve(self.profiles.entry(id).or_insert_with(|| Profile::new(id)), recorded);
    }

    /// Adds the next record of a quarantined event.
    pub(crate) fn quarantine_record(&mut self, message: [u8; 16], record: &Record) -> store::Result<()> {
        if record.n == 1 {
            let row = quarantine::row(record, &self.hasher).map_err(|error| failed(&error, record))?;
            self.quarantine.insert(message, row);
            let entry = DirectoryEntry::Record(record.stream, 1);
            // A released one leads to its decision, whichever record is read first.
            self.claims.entry(DirectoryKey::Message(message)).or_insert(entry);
        } else {
            self.quarantine.insert(message, None);
            let release = quarantine::release(record).map_err(|error| failed(&error, record))?;
            if let Some(counted) = release.and_then(|release| release.counted) {
                let entry = DirectoryEntry::Record(Stream::Profile(counted.profile), counted.n);
                self.claims.insert(DirectoryKey::Message(message), entry);
            }
        }
        Ok(())
    }

    /// The rows, in parts.
    pub(crate) fn finish(&mut self) -> std::vec::IntoIter<Writes> {
        for (id, profile) in &self.profiles {
            for identity in profile.identities.iter().filter(|_| profile.is_active()) {
                let key = DirectoryKey::Identity(self.hasher.identity(identity));
                self.claims.insert(key, DirectoryEntry::Profile(*id));
            }
        }
        let mut parts = Vec::new();
        let mut profiles: Vec<&Profile> = self.profiles.values().collect();
        profiles.sort_by_key(|profile| profile.id);
        for profiles in profiles.chunks(ROWS_AT_ONCE) {
            let rows = profiles.iter().map(|profile| {
                let view = engine::replay::project(None, profile);
                ProfileWrite {
                    from: None,
                    row: views::profile_row(profile),
                    entered: view.entered,
                    left: Vec::new(),
                    found_by: view.found_by,
                    no_longer_found_by: Vec::new(),
                }
            });
            parts.push(Writes { profiles: rows.collect(), ..Writes::default() });
        }
        let mut claims: Vec<Claim> =
            self.claims.drain().map(|(key, entry)| Claim { key, expected: None, entry }).collect();
        claims.sort_by_key(|claim| claim.key);
        parts.extend(
            claims.chunks(ROWS_AT_ONCE).map(|claims| Writes { claims: claims.to_vec(), ..Writes::default() }),
        );
        parts.push(Writes {
            sums: std::mem::take(&mut self.sums)
                .into_iter()
                .map(|((currency, account), amount)| SumChange { currency, account, amount })
                .collect(),
            quarantine: std::mem::take(&mut self.quarantine).into_iter().collect(),
            ..Writes::default()
        });
        self.done.lock().unwrap_or_else(PoisonError::into_inner).profiles = self.profiles.len() as u64;
        parts.into_iter()
    }
}

impl Refill for Rebuilder {
    fn record(&mut self, record: Record) -> store::Result<()> {
        self.go_on()?;
        self.progress.add(1);
        self.done.lock().unwrap_or_else(PoisonError::into_inner).records += 1;
        match record.stream {
            Stream::Profile(id) => self.profile_record(id, &record),
            Stream::Quarantine(message) => self.quarantine_record(message, &record),
            Stream::Control => Ok(()),
        }
    }

    fn rows(&mut self) -> store::Result<Option<Writes>> {
        self.go_on()?;
        if self.pending.is_none() {
            self.pending = Some(self.finish());
        }
        Ok(self.pending.as_mut().and_then(Iterator::next))
    }

    fn counters(&mut self) -> Vec<(CounterKey, i64, u64)> {
        std::mem::take(&mut self.counters)
            .into_iter()
            .map(|(key, (used, n))| (CounterKey(key), used, n))
            .collect()
    }
}
