//! The directory keys that one transaction claims.

use std::collections::HashMap;

use rusqlite::Connection;
use store::{Claim, DirectoryEntry};

use crate::{
    codec::directory_key,
    fault::Result,
    recent::{Recent, is_staged},
    tables::{
        claimed::{self, Key},
        directory,
    },
};

/// Claims that are written down with this transaction's end, over those of earlier ones.
pub(super) struct Claims<'a> {
    recent: &'a Recent,
    made: Vec<(Key, DirectoryEntry)>,
    now: HashMap<Key, DirectoryEntry>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(recent: &'a Recent) -> Self {
        Self { recent, made: Vec::new(), now: HashMap::new() }
    }

    /// Makes a claim; false when the key does not lead where it should.
    pub(super) fn claim(&mut self, connection: &Connection, claim: &Claim) -> Result<bool> {
        if !is_staged(claim.key) {
            return directory::claim(connection, claim);
        }
        let key = directory_key(claim.key);
        let known = self.now.get(&key).copied().or_else(|| self.recent.find(&key));
        let leads = match known {
            Some(entry) => Some(entry),
            None => directory::find(connection, claim.key)?,
        };
        if leads != claim.expected {
            return Ok(false);
        }
        self.made.push((key, claim.entry));
        self.now.insert(key, claim.entry);
        Ok(true)
    }

    /// How many have been made so far.
    pub(super) fn count(&self) -> usize {
        self.made.len()
    }

    /// Takes back all but the first so many.
    pub(super) fn back_to(&mut self, count: usize) {
        self.made.truncate(count);
        self.now = self.made.iter().copied().collect();
    }

    /// Writes the claims down, and carries a part of the earlier ones over. To be told to [`Recent::committed`]
    /// when the transaction has been.
    pub(super) fn write(self, connection: &Connection) -> Result<(Vec<(Key, DirectoryEntry)>, usize)> {
        if !self.made.is_empty() {
            claimed::append(connection, self.recent.next(), &self.made)?;
        }
        let slice = self.recent.slice(self.made.len());
        for (key, entry) in slice {
            directory::put(connection, key, *entry)?;
        }
        if let Some(from) = self.recent.needed_from(slice.len()) {
            claimed::carried_over(connection, from)?;
        }
        Ok((self.made, slice.len()))
    }
}
