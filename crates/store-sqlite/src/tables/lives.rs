//! Members' streams, one after the other. Each is walked back from the tail that its row knows: every record costs a look
//! at its place in the journal, and none has to be looked at by anybody who does not want it.

use std::sync::{Mutex, PoisonError};

use ledger::ProfileId;
use rusqlite::Connection;
use store::{Life, Record, Stream};

use super::{
    journal::Finder,
    profiles::{self, Found},
    streams::{self, Tail},
};
use crate::{
    codec::stream_name,
    fault::{Result, damaged, refused},
};

/// Up to where lives have been given: record `n` of the member in row `no`, whose id has this mark.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) no: i64,
    pub(crate) n: u64,
    pub(crate) mark: i64,
}

/// Where the records of a long stream stand in the journal, from the first on: it is given in parts, and walked back once
/// for all of them.
#[derive(Default)]
pub(crate) struct Long(Mutex<Option<(ProfileId, Vec<i64>)>>);

/// Part of the id, to know the member again: rows are numbered anew when the views are made again.
fn mark(id: ProfileId) -> i64 {
    id.0.first_chunk().map_or(0, |first| i64::from_be_bytes(*first))
}

/// The lives after a place, until there are `limit` records; and the place after them, if they are not the last.
pub(crate) fn following(
    connection: &Connection,
    after: Option<Place>,
    limit: usize,
    long: &Long,
) -> Result<(Vec<Life>, Option<Place>)> {
    let mut finder = Finder::new(connection)?;
    let made_again = || refused("the views were made again while members were read; begin again");
    let (mut lives, mut count, mut last, mut expected) = (Vec::new(), 0, None, after);
    profiles::each_from(connection, after.map_or(0, |place| place.no), |found| {
        let given = match expected.take() {
            Some(place) if place.no == found.no && place.mark == mark(found.row.id) => place.n,
            Some(_) => return Err(made_again()),
            None => 0,
        };
        if found.row.n > given {
            let records = part(&mut finder, &found, given, limit, long)?;
            count += records.len();
            let n = records.last().map_or(given, |record| record.n);
            last = Some(Place { no: found.no, n, mark: mark(found.row.id) });
            lives.push(Life { profile: found.row.id, row: Some(found.row), records });
        }
        Ok(count < limit)
    })?;
    if expected.is_some() {
        return Err(made_again());
    }
    let next = last.filter(|_| count >= limit);
    Ok((lives, next))
}

/// The records of a stream after the first `given`; all of them, or the first so many when there are more.
fn part(
    finder: &mut Finder<'_>,
    found: &Found,
    given: u64,
    limit: usize,
    long: &Long,
) -> Result<Vec<Record>> {
    let of = Stream::Profile(found.row.id);
    let left = usize::try_from(found.row.n - given).unwrap_or(usize::MAX);
    if left > limit || given > 0 {
        return part_of_long(finder, found, given, left.min(limit), long);
    }
    let mut records = Vec::with_capacity(left);
    streams::walk_with(finder, of, found.tail(), |row| {
        records.push(row.record);
        Ok(true)
    })?;
    records.reverse();
    Ok(records)
}

fn part_of_long(
    finder: &mut Finder<'_>,
    found: &Found,
    given: u64,
    count: usize,
    long: &Long,
) -> Result<Vec<Record>> {
    let id = found.row.id;
    // Nothing in there is ever half changed.
    let mut known = long.0.lock().unwrap_or_else(PoisonError::into_inner);
    let given = usize::try_from(given).unwrap_or(usize::MAX);
    let until = given.saturating_add(count);
    if known.as_ref().is_none_or(|(of, seqs)| *of != id || seqs.len() < until) {
        *known = Some((id, seqs(finder, Stream::Profile(id), found.tail())?));
    }
    let seqs = known.as_ref().and_then(|(_, seqs)| seqs.get(..until)).unwrap_or_default();
    let mut records = Vec::with_capacity(count);
    for (at, seq) in seqs.iter().enumerate().skip(given) {
        let row = finder.get(*seq, Stream::Profile(id), at as u64 + 1)?;
        let before = at.checked_sub(1).and_then(|before| seqs.get(before)).copied().unwrap_or(0);
        if row.prev != before {
            let what = format!("record {} of {}", at + 1, stream_name(Stream::Profile(id)));
            return Err(damaged(what, "it does not point at the one before it"));
        }
        records.push(row.record);
    }
    Ok(records)
}

/// Where the records of a stream stand, from the first on.
fn seqs(finder: &mut Finder<'_>, of: Stream, tail: Tail) -> Result<Vec<i64>> {
    let mut seqs = Vec::new();
    streams::walk_with(finder, of, tail, |row| {
        seqs.push(row.seq);
        Ok(true)
    })?;
    seqs.reverse();
    Ok(seqs)
}
