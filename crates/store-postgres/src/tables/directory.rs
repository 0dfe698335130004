//! The directory: what messages, identities, unique values and commands lead to.

use std::collections::{BTreeMap, HashMap};

use store::{
    Claim, DirectoryEntry, DirectoryKey,
    encoding::{array, directory_key, pack_entry, unpack_entry},
};

use super::each_row;
use crate::{
    fault::{Fault, Result},
    session::{Answer, Call, Session},
};

/// Finds keys, in order.
pub(crate) async fn lookup(session: &Session, keys: &[DirectoryKey]) -> Result<Vec<Option<DirectoryEntry>>> {
    let packed: Vec<[u8; 17]> = keys.iter().map(|key| directory_key(*key)).collect();
    let asked: Vec<&[u8]> = packed.iter().map(<[u8; 17]>::as_slice).collect();
    let rows = session.query("SELECT key, entry FROM directory WHERE key = ANY($1)", &[&asked]).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let key: [u8; 17] = array(row.try_get(0)?)?;
        found.insert(key, unpack_entry(&key, row.try_get(1)?)?);
    }
    Ok(packed.iter().map(|key| found.get(key).copied()).collect())
}

const CLAIM: &str = "INSERT INTO directory (key, entry) SELECT * FROM unnest($1::bytea[], $2::bytea[])
    ON CONFLICT (key) DO NOTHING";
const PUT: &str = "INSERT INTO directory (key, entry) SELECT * FROM unnest($1::bytea[], $2::bytea[])
    ON CONFLICT (key) DO UPDATE SET entry = excluded.entry";
const MOVE: &str = "UPDATE directory SET entry = $3 WHERE key = $1 AND entry = $2";
const FORGET: &str = "DELETE FROM directory WHERE key = $1";

/// A batch's claims, sorted by key: those on absent keys go in together; others, which are few, one by one,
/// so that each names its key.
#[derive(Default)]
pub(crate) struct Claims {
    fresh: (Vec<Vec<u8>>, Vec<Vec<u8>>),
    moves: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    forgotten: Vec<Vec<u8>>,
    /// Two claims of the batch do not fit each other.
    pub(crate) torn: bool,
}

impl Claims {
    pub(crate) fn of(claims: &[Claim], forget: &[DirectoryKey]) -> Self {
        // Several on one key go in their order: the first says what must be there, the last what will be.
        let mut by_key: BTreeMap<[u8; 17], (Option<DirectoryEntry>, DirectoryEntry)> = BTreeMap::new();
        let mut sorted = Self::default();
        for claim in claims {
            let claimed = by_key.entry(directory_key(claim.key));
            match claimed {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert((claim.expected, claim.entry));
                }
                std::collections::btree_map::Entry::Occupied(mut known) => {
                    sorted.torn |= claim.expected != Some(known.get().1);
                    known.get_mut().1 = claim.entry;
                }
            }
        }
        for (key, (expected, entry)) in by_key {
            let entry = pack_entry(&key, entry);
            match expected {
                None => {
                    sorted.fresh.0.push(key.to_vec());
                    sorted.fresh.1.push(entry);
                }
                Some(expected) => sorted.moves.push((key.to_vec(), pack_entry(&key, expected), entry)),
            }
        }
        let mut forgotten: Vec<_> = forget.iter().map(|key| directory_key(*key).to_vec()).collect();
        forgotten.sort_unstable();
        forgotten.dedup();
        sorted.forgotten = forgotten;
        sorted
    }

    /// What a batch sends.
    pub(crate) fn calls<'a>(&'a self, calls: &mut Vec<Call<'a>>) {
        if !self.fresh.0.is_empty() {
            calls.push(Call::With(CLAIM, vec![&self.fresh.0, &self.fresh.1]));
        }
        for (key, expected, entry) in &self.moves {
            calls.push(Call::With(MOVE, vec![key, expected, entry]));
        }
        for key in &self.forgotten {
            calls.push(Call::With(FORGET, vec![key]));
        }
    }

    /// Whether every key led where it should. Takes its answers off the front.
    pub(crate) fn held(&self, answers: &mut std::vec::IntoIter<Answer>) -> bool {
        let mut held = !self.torn;
        if !self.fresh.0.is_empty() {
            held &= answers.next().is_some_and(|a| usize::try_from(a.count) == Ok(self.fresh.0.len()));
        }
        for _ in &self.moves {
            held &= answers.next().is_some_and(|answer| answer.count == 1);
        }
        for _ in &self.forgotten {
            answers.next();
        }
        held
    }

    /// The entries of these claims that are others than the `first` ones, which have been made and are on the same keys.
    pub(crate) fn amended(&self, first: &Self) -> Amended {
        let fresh = |claims: &Self| claims.fresh.0.clone().into_iter().zip(claims.fresh.1.clone());
        let moves = |claims: &Self| claims.moves.clone().into_iter().map(|(key, _, entry)| (key, entry));
        let made: BTreeMap<_, _> = fresh(first).chain(moves(first)).collect();
        let now = fresh(self).chain(moves(self));
        Amended(now.filter(|(key, entry)| made.get(key) != Some(entry)).unzip())
    }

    /// Writes all whatever was there (rebuilding).
    pub(crate) async fn put(&self, session: &Session) -> Result<()> {
        let (mut keys, mut entries) = self.fresh.clone();
        for (key, _, entry) in &self.moves {
            keys.push(key.clone());
            entries.push(entry.clone());
        }
        session.execute(PUT, &[&keys, &entries]).await?;
        for key in &self.forgotten {
            session.execute(FORGET, &[key]).await?;
        }
        Ok(())
    }
}

/// Keys that a batch has claimed already, with entries that it has found others for since.
#[derive(Default)]
pub(crate) struct Amended((Vec<Vec<u8>>, Vec<Vec<u8>>));

impl Amended {
    pub(crate) fn calls<'a>(&'a self, calls: &mut Vec<Call<'a>>) {
        if !self.0.0.is_empty() {
            calls.push(Call::With(PUT, vec![&self.0.0, &self.0.1]));
        }
    }

    /// Takes its answer off the front.
    pub(crate) fn held(&self, answers: &mut std::vec::IntoIter<Answer>) -> bool {
        let all = self.0.0.len();
        all == 0 || answers.next().is_some_and(|answer| usize::try_from(answer.count) == Ok(all))
    }
}

/// Calls `visit` with every key, as stored, and its entry.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<([u8; 17], DirectoryEntry)>) -> Result<()> + Send,
) -> Result<()> {
    each_row(session, "SELECT key, entry FROM directory", &[], |row| {
        let (key, entry): (&[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        let told = array(key)
            .and_then(|key: [u8; 17]| unpack_entry(&key, entry).map(|entry| (key, entry)))
            .map_err(Fault::from);
        visit(told)
    })
    .await
}
