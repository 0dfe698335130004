//! A load for measurements, the same for every backend: what a busy environment's batches look like.

use std::sync::Arc;

use super::{Dice, at};
use crate::{
    Claim, DirectoryEntry, DirectoryKey, NewRecord, ProfileRow, ProfileWrite, Stream, SumChange, Tail, Writes,
};

/// How many records a batch has.
pub const EVENTS: u64 = 1_000;
/// How many profiles there are.
const PEOPLE: u64 = 200_000;
/// How many of them a batch is about.
const ACTIVE: u64 = 900;

/// One writer's batches. Writers do not share profiles.
#[derive(Debug)]
pub struct Load {
    writer: u64,
    dice: Dice,
    ends: Vec<u64>,
}

/// A profile's id: a hash, as real ones are.
fn person(writer: u64, no: u64) -> ledger::ProfileId {
    ledger::ProfileId(Dice(no ^ (writer << 32) ^ 0x5bd1_e995).bytes())
}

/// The hash that its stream ends with after `n` records.
fn hash(writer: u64, no: u64, n: u64) -> [u8; 32] {
    Dice(no ^ (writer << 32) ^ (n << 40)).bytes()
}

fn index(no: u64) -> usize {
    usize::try_from(no).unwrap_or(0)
}

impl Load {
    /// Of one writer.
    pub fn new(writer: u64) -> Self {
        Self { writer, dice: Dice(writer + 1), ends: vec![0; index(PEOPLE)] }
    }

    /// The next batch: 1,000 records of 435 bytes with headers of 200, on 900 profiles with states of 600
    /// bytes, and as many keys of messages.
    pub fn batch(&mut self) -> Writes {
        let mut writes = Writes::default();
        let mut people: Vec<u64> = Vec::new();
        while people.len() < index(ACTIVE) {
            let no = self.dice.below(PEOPLE);
            if !people.contains(&no) {
                people.push(no);
            }
        }
        let filler: [u8; 600] = self.dice.bytes();
        for event in 0..EVENTS {
            let no = people[index(event % ACTIVE)];
            let id = person(self.writer, no);
            let end = &mut self.ends[index(no)];
            let expected = *end;
            *end += 1;
            let stream = Stream::Profile(id);
            writes.records.push(NewRecord {
                stream,
                n: *end,
                decided_at: at(0),
                header: filler[..200].to_vec(),
                body: Some(filler[..435].to_vec()),
            });
            let key = DirectoryKey::Message(self.dice.bytes());
            writes.claims.push(Claim { key, expected: None, entry: DirectoryEntry::Record(stream, *end) });
            if event < ACTIVE {
                let row = ProfileRow {
                    id,
                    n: *end,
                    tail: hash(self.writer, no, *end),
                    state: Arc::from(&filler[..]),
                    manifest: [1; 32],
                    due_at: None,
                };
                writes.profiles.push(ProfileWrite {
                    from: (expected > 0).then(|| Tail { n: expected, hash: hash(self.writer, no, expected) }),
                    row,
                    entered: Vec::new(),
                    left: Vec::new(),
                    found_by: Vec::new(),
                    no_longer_found_by: Vec::new(),
                });
            } else {
                let row = &mut writes.profiles[index(event - ACTIVE)].row;
                (row.n, row.tail) = (*end, hash(self.writer, no, *end));
            }
        }
        for account in [ledger::Account::Issued, ledger::Account::Available] {
            writes.sums.push(SumChange { currency: "points".into(), account, amount: 1 });
        }
        writes
    }
}
