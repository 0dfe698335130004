//! What the writes of a batch take hold of: the rows that a store has locked when it has looked at them.

use std::collections::{BTreeMap, BTreeSet};

use ledger::ProfileId;

use crate::{DirectoryEntry, DirectoryKey, Stream, Writes};

/// Everything by which a batch can meet others. Where records stand in their streams is no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    profiles: BTreeSet<ProfileId>,
    /// What a key must lead to at first, and whose record or profile it leads to at last.
    claims: BTreeMap<DirectoryKey, (Option<DirectoryEntry>, DirectoryEntry)>,
    forget: BTreeSet<DirectoryKey>,
    quarantined: BTreeSet<[u8; 16]>,
    erase: BTreeSet<Stream>,
}

impl Writes {
    /// What they take hold of.
    pub fn reach(&self) -> Reach {
        let mut claims = BTreeMap::new();
        for claim in &self.claims {
            let leads = match claim.entry {
                DirectoryEntry::Record(stream, _) => DirectoryEntry::Record(stream, 0),
                profile @ DirectoryEntry::Profile(_) => profile,
            };
            claims.entry(claim.key).or_insert((claim.expected, leads)).1 = leads;
        }
        let streams = self.records.iter().filter_map(|record| match record.stream {
            Stream::Quarantine(message) => Some(message),
            _ => None,
        });
        Reach {
            profiles: self.profiles.iter().map(|write| write.row.id).collect(),
            claims,
            forget: self.forget.iter().copied().collect(),
            quarantined: self.quarantine.iter().map(|(message, _)| *message).chain(streams).collect(),
            erase: self.erase.iter().copied().collect(),
        }
    }
}
