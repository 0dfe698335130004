//! What batches remember of the store, so as not to ask it again. All of it is a hint: a commit checks where every
//! profile and every directory key stands that it writes, and nothing is written that rests on a wrong one. What may end
//! in nothing to be written must not rest on hints at all.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use engine::Profile;
use ledger::ProfileId;
use quick_cache::sync::Cache;
use store::{DirectoryEntry, DirectoryKey};

use super::Output;

/// Message ids and unique values remembered in each of two generations.
const RECENT_MAX: usize = 250_000;

/// How many batches ask the store for everything after one that rested on a wrong hint.
const CAUTIOUS_BATCHES: u32 = 100;

/// What is remembered.
pub(crate) struct Hints {
    /// Decoded, as of their last known position.
    profiles: Cache<ProfileId, Arc<Profile>>,
    /// Where identities lead.
    identities: Cache<DirectoryKey, DirectoryEntry>,
    /// Keys that have had their effect lately. Nearly every copy of a message comes soon after it, so a key
    /// that is not among them is taken for a new one.
    recent: Mutex<Recent>,
    cautious: AtomicU32,
    overtaken: AtomicBool,
}

/// How far a batch may rely on what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// New keys are told by memory, too.
    Full,
    /// The store is asked for every key but identities.
    Cautious,
    /// The store is asked for everything.
    None,
}

#[derive(Default)]
struct Recent {
    newer: HashSet<DirectoryKey>,
    older: HashSet<DirectoryKey>,
}

/// What is known of a directory key.
pub(crate) enum Known {
    /// It leads there.
    Leads(DirectoryEntry),
    /// As far as anybody remembers it leads nowhere.
    Nowhere,
    /// Ask the store.
    Unknown,
}

impl Hints {
    pub(crate) fn new(profiles_max: usize) -> Self {
        Self {
            profiles: Cache::new(profiles_max),
            identities: Cache::new(profiles_max * 2),
            recent: Mutex::default(),
            // Nothing is remembered yet: a client may be sending again what it was not answered for.
            cautious: AtomicU32::new(CAUTIOUS_BATCHES),
            overtaken: AtomicBool::new(false),
        }
    }

    pub(crate) fn profile(&self, id: ProfileId) -> Option<Arc<Profile>> {
        self.profiles.get(&id)
    }

    pub(crate) fn keep(&self, profile: Arc<Profile>) {
        self.profiles.insert(profile.id, profile);
    }

    /// A batch begins.
    pub(crate) fn begin(&self) -> Trust {
        if self.overtaken.swap(false, Ordering::Relaxed) {
            return Trust::None;
        }
        let less = |cautious: u32| cautious.checked_sub(1);
        match self.cautious.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Trust::Cautious,
            Err(_) => Trust::Full,
        }
    }

    /// What is known of a key.
    pub(crate) fn key(&self, key: &DirectoryKey, trust: Trust) -> Known {
        match key {
            DirectoryKey::Identity(_) if trust != Trust::None => {
                self.identities.get(key).map_or(Known::Unknown, Known::Leads)
            }
            DirectoryKey::Message(_) | DirectoryKey::Unique(_) if trust == Trust::Full => {
                let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
                let seen = recent.newer.contains(key) || recent.older.contains(key);
                if seen { Known::Unknown } else { Known::Nowhere }
            }
            _ => Known::Unknown,
        }
    }

    /// The store has answered for a key.
    pub(crate) fn found(&self, key: DirectoryKey, entry: DirectoryEntry) {
        match key {
            DirectoryKey::Identity(_) => self.identities.insert(key, entry),
            DirectoryKey::Message(_) | DirectoryKey::Unique(_) => {
                // Somebody sends what was sent long ago: it will not be the only one.
                if self.remember(key) {
                    self.cautious.store(CAUTIOUS_BATCHES, Ordering::Relaxed);
                }
            }
            DirectoryKey::Command(_) => {}
        }
    }

    /// The store knows nothing of a key.
    pub(crate) fn missing(&self, key: &DirectoryKey) {
        self.identities.remove(key);
    }

    /// A batch has been committed.
    pub(crate) fn committed(&self, output: &Output) {
        for profile in output.profiles.values() {
            self.keep(Arc::clone(profile));
        }
        for (key, entry) in &output.directory {
            match (key, entry) {
                (DirectoryKey::Identity(_), Some(entry)) => self.identities.insert(*key, *entry),
                (DirectoryKey::Identity(_), None) => drop(self.identities.remove(key)),
                (DirectoryKey::Message(_) | DirectoryKey::Unique(_), _) => drop(self.remember(*key)),
                (DirectoryKey::Command(_), _) => {}
            }
        }
    }

    /// Another node was faster with something that a batch rests on. The next batch to begin is the same again, and
    /// asks the store for all that it reads; what it hears is remembered instead of what was wrong. All else stays.
    pub(crate) fn overtaken(&self) {
        self.overtaken.store(true, Ordering::Relaxed);
    }

    /// A batch that was decided from these profiles failed: what it rested on is read again next time.
    pub(crate) fn refused(&self, profiles: &[ProfileId]) {
        for id in profiles {
            self.profiles.remove(id);
        }
        self.identities.clear();
        self.cautious.store(CAUTIOUS_BATCHES, Ordering::Relaxed);
    }

    /// Whether it was not remembered before.
    fn remember(&self, key: DirectoryKey) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.older.contains(&key) || !recent.newer.insert(key) {
            return false;
        }
        if recent.newer.len() >= RECENT_MAX {
            recent.older = std::mem::take(&mut recent.newer);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(hints: &Hints) -> bool {
        (0..CAUTIOUS_BATCHES).all(|_| hints.begin() == Trust::Cautious) && hints.begin() == Trust::Full
    }

    fn nowhere(hints: &Hints, key: DirectoryKey) -> bool {
        matches!(hints.key(&key, Trust::Full), Known::Nowhere)
    }

    #[test]
    fn a_key_is_new_until_it_is_remembered() {
        let hints = Hints::new(10);
        assert!(trusts(&hints), "only after a while");
        let (one, other) = (DirectoryKey::Message([1; 16]), DirectoryKey::Unique([1; 16]));
        assert!(nowhere(&hints, one) && nowhere(&hints, other));
        assert!(matches!(hints.key(&one, Trust::Cautious), Known::Unknown), "not in a cautious batch");
        let mut output = Output::default();
        output.directory.insert(one, None);
        hints.committed(&output);
        assert!(!nowhere(&hints, one) && nowhere(&hints, other));
    }

    #[test]
    fn a_wrong_hint_makes_cautious() {
        let hints = Hints::new(10);
        assert!(trusts(&hints));
        let identity = DirectoryKey::Identity([2; 16]);
        hints.found(identity, DirectoryEntry::Profile(ProfileId([3; 16])));
        assert!(matches!(hints.key(&identity, Trust::Full), Known::Leads(_)));
        hints.refused(&[]);
        assert!(matches!(hints.key(&identity, Trust::Full), Known::Unknown));
        assert!(trusts(&hints));
        let old = DirectoryKey::Message([4; 16]);
        hints.found(old, DirectoryEntry::Profile(ProfileId([3; 16])));
        assert!(trusts(&hints), "an old copy is seldom alone");
        hints.found(old, DirectoryEntry::Profile(ProfileId([3; 16])));
        assert_eq!(hints.begin(), Trust::Full, "this one was remembered");
    }

    #[test]
    fn whoever_was_overtaken_asks_for_everything_once() {
        let hints = Hints::new(10);
        assert!(trusts(&hints));
        let (wrong, right) = (DirectoryKey::Identity([2; 16]), DirectoryKey::Identity([3; 16]));
        for key in [wrong, right] {
            hints.found(key, DirectoryEntry::Profile(ProfileId([3; 16])));
        }
        hints.overtaken();
        let trust = hints.begin();
        assert_eq!(trust, Trust::None);
        assert!(matches!(hints.key(&wrong, trust), Known::Unknown));
        assert!(matches!(hints.key(&DirectoryKey::Message([1; 16]), trust), Known::Unknown));
        hints.missing(&wrong);
        let next = hints.begin();
        assert_eq!(next, Trust::Full, "all else is still believed");
        assert!(matches!(hints.key(&wrong, next), Known::Unknown));
        assert!(matches!(hints.key(&right, next), Known::Leads(_)));
    }
}
