//! Directory keys claimed lately, in memory as well.
//!
//! Keys are hashes: each one that is put into the directory dirties a page of its own, which is then written
//! twice. So the keys of messages, which come by the million, are first written down a commit at a time
//! ([`tables::claimed`](crate::tables::claimed)) and held here to be found. When there are enough of them they are
//! sorted and carried over, neighbours together, a slice with every commit. Identities go into the directory at once:
//! there are few, and an erased person's are gone when they are forgotten.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use rusqlite::Connection;
use store::{DirectoryEntry, DirectoryKey};

use crate::{
    fault::Result,
    tables::claimed::{self, Key},
};

/// Keys of committed claims that may not be in the directory yet.
pub(crate) struct Recent {
    /// So many are carried over together.
    gathered: usize,
    newer: HashMap<Key, DirectoryEntry>,
    /// Being carried over: sorted, and how many of them are done.
    older: Vec<(Key, DirectoryEntry)>,
    done: usize,
    /// Rows before this one hold the older, from it on the newer.
    newer_from: i64,
    /// The next row.
    next: i64,
}

impl Recent {
    fn new(gathered: usize) -> Self {
        Self {
            gathered: gathered.max(1),
            newer: HashMap::new(),
            older: Vec::new(),
            done: 0,
            newer_from: 1,
            next: 1,
        }
    }

    /// As the rows have it.
    pub(crate) fn load(connection: &Connection, gathered: usize) -> Result<Self> {
        let mut recent = Self::new(gathered);
        claimed::each(connection, |no, key, entry| {
            recent.newer.insert(key, entry);
            recent.next = no + 1;
        })?;
        recent.turn();
        Ok(recent)
    }

    pub(crate) fn find(&self, key: &Key) -> Option<DirectoryEntry> {
        self.newer.get(key).copied().or_else(|| {
            let at = self.older.binary_search_by(|(older, _)| older.cmp(key)).ok()?;
            self.older.get(at).map(|(_, entry)| *entry)
        })
    }

    /// The row that the next claims are written to.
    pub(crate) const fn next(&self) -> i64 {
        self.next
    }

    /// What is to be carried over when `claims` more are made: so much that it is done before as many are waiting
    /// again.
    pub(crate) fn slice(&self, claims: usize) -> &[(Key, DirectoryEntry)] {
        let left = self.older.get(self.done..).unwrap_or_default();
        left.get(..claims * 2 + 64).unwrap_or(left)
    }

    /// The first row that is still needed, when nothing of the older is left after `carried` more of them.
    pub(crate) fn needed_from(&self, carried: usize) -> Option<i64> {
        (!self.older.is_empty() && self.done + carried == self.older.len()).then_some(self.newer_from)
    }

    /// Claims have been committed as the next row, and so many of the older with them.
    pub(crate) fn committed(&mut self, claims: Vec<(Key, DirectoryEntry)>, carried: usize) {
        if !claims.is_empty() {
            self.newer.extend(claims);
            self.next += 1;
        }
        self.done += carried;
        if self.done == self.older.len() {
            self.older = Vec::new();
            self.done = 0;
            self.turn();
        }
    }

    /// Begins to carry the newer over, when there are enough.
    fn turn(&mut self) {
        if self.newer.len() < self.gathered {
            return;
        }
        self.older = self.newer.drain().collect();
        self.older.sort_unstable_by_key(|(key, _)| *key);
        self.newer_from = self.next;
    }
}

/// Shared by the writer, which alone changes it, and the readers.
#[derive(Clone)]
pub(crate) struct Shared(Arc<RwLock<Recent>>);

impl Shared {
    pub(crate) fn new(recent: Recent) -> Self {
        Self(Arc::new(RwLock::new(recent)))
    }

    // Nothing in there is ever half changed.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Recent> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Recent> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether claims of this key are written down before they go into the directory.
pub(crate) const fn is_staged(key: DirectoryKey) -> bool {
    !matches!(key, DirectoryKey::Identity(_))
}

/// What the rows say, as of the moment that a connection sees.
pub(crate) fn all(connection: &Connection) -> Result<BTreeMap<Key, DirectoryEntry>> {
    let mut found = BTreeMap::new();
    claimed::each(connection, |_, key, entry| {
        found.insert(key, entry);
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use ledger::ProfileId;
    use store::Stream;

    use super::*;

    fn key(n: usize) -> Key {
        let mut key = [1; 17];
        // Spread, as hashes are.
        key[1..9].copy_from_slice(&(n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        key
    }

    fn entry(n: usize) -> DirectoryEntry {
        DirectoryEntry::Record(Stream::Profile(ProfileId([7; 16])), n as u64)
    }

    #[test]
    fn what_is_carried_over_is_done_before_as_much_waits_again() {
        const BATCH: usize = 50;
        const GATHERED: usize = 20_000;
        let mut recent = Recent::new(GATHERED);
        let (mut table, mut rows) = (BTreeMap::new(), BTreeMap::new());
        for batch in 0..2_000 {
            let claims: Vec<_> = (batch * BATCH..(batch + 1) * BATCH).map(|n| (key(n), entry(n))).collect();
            let slice = recent.slice(claims.len()).to_vec();
            table.extend(slice.iter().copied());
            rows.insert(recent.next(), claims.clone());
            if let Some(from) = recent.needed_from(slice.len()) {
                rows = rows.split_off(&from);
            }
            recent.committed(claims, slice.len());
            assert!(recent.newer.len() <= GATHERED + BATCH, "{}", recent.newer.len());
            for n in [0, batch * BATCH / 2, (batch + 1) * BATCH - 1] {
                let found = recent.find(&key(n)).or_else(|| table.get(&key(n)).copied());
                assert_eq!(found, Some(entry(n)), "{n} after batch {batch}");
                let written = rows.values().flatten().any(|(of, _)| *of == key(n));
                assert!(written || table.contains_key(&key(n)), "{n} would be lost with the memory");
                if batch > 10 && batch % 97 != 0 {
                    break;
                }
            }
        }
        assert!(table.len() > 70_000, "{}", table.len());
    }

    #[test]
    fn of_two_claims_of_a_key_the_later_counts() {
        let mut recent = Recent::new(100);
        recent.committed((0..100).map(|n| (key(n), entry(n))).collect(), 0);
        assert_eq!(recent.older.len(), 100);
        recent.committed(vec![(key(5), entry(6))], 0);
        assert_eq!(recent.find(&key(5)), Some(entry(6)));
        assert_eq!(recent.find(&key(6)), Some(entry(6)));
        assert_eq!(recent.find(&key(100)), None);
    }
}
