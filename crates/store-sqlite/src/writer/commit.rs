//! One batch: decided, checked against what it was decided from, and written.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    panic::{AssertUnwindSafe, catch_unwind},
};

use ledger::ProfileId;
use rusqlite::Connection;
use store::{Commit, Deciding, Epoch, Error, Granted, NewRecord, Step, Stream, Writes};

use super::{Places, claims::Claims, erase};
use crate::{
    codec::stream_name,
    fault::{Fault, Result, refused},
    tables::{
        counters::Grants,
        directory, journal, memberships, outbox,
        position::Position,
        profiles::{self, Place},
        quarantine, search,
        streams::{self, Quarantined, Tail},
        sums,
    },
};

/// How a batch ended.
pub(super) struct Done {
    pub(super) commit: Commit,
    /// Streams whose bodies are gone now.
    pub(super) erased: Vec<Stream>,
}

impl Done {
    fn nothing(commit: Commit) -> Self {
        Self { commit, erased: Vec::new() }
    }
}

/// Runs a batch. What it wrote is to be rolled back unless it answers `Committed`.
pub(super) fn run(
    connection: &Connection,
    position: &mut Position,
    epoch: Epoch,
    deciding: &mut dyn Deciding,
    places: &mut Places,
    claims: &mut Claims<'_>,
) -> Result<Done> {
    if position.epoch != epoch {
        return Ok(Done::nothing(Commit::EpochMoved(position.epoch)));
    }
    let mut grants = Grants::default();
    let mut granted = Vec::new();
    let mut writes = loop {
        match step(deciding, &granted)? {
            Step::Demand(demands) => granted = grants.grant(connection, &demands)?,
            Step::Write(writes) => break writes,
        }
    };
    let mut stand = touched(connection, &writes, places)?;
    if let Stand::Overtaken(ids) = &stand {
        if !again(connection, deciding, &mut writes, ids)? {
            return Ok(Done::nothing(Commit::Conflict));
        }
        stand = touched(connection, &writes, places)?;
    }
    let Stand::Expected(mut touched, rows) = stand else { return Ok(Done::nothing(Commit::Conflict)) };
    let Some(erased) = write(connection, position, &writes, places, claims, (&mut touched, &rows))? else {
        return Ok(Done::nothing(Commit::Conflict));
    };
    grants.write(connection)?;
    Ok(Done { commit: Commit::Committed, erased })
}

fn step(deciding: &mut dyn Deciding, granted: &[Granted]) -> Result<Step> {
    guarded(|| deciding.step(granted))
}

/// Shows the batch profiles that others have changed; false when nothing can be written that rests on them.
fn again(
    connection: &Connection,
    deciding: &mut dyn Deciding,
    writes: &mut Writes,
    ids: &[ProfileId],
) -> Result<bool> {
    let mut now = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(found) = profiles::find(connection, *id)? else { return Ok(false) };
        now.push(found.row);
    }
    let reach = writes.reach();
    Ok(guarded(|| deciding.overtaken(writes, &now))? && writes.reach() == reach)
}

/// A panic in there is the batch's own; the writer goes on.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "without a word".to_owned());
        Fault::Store(Error::Panicked(said))
    })
}

/// A profile of the batch: as it stood, and the tail that its records move.
struct Touched {
    old: Option<Place>,
    tail: Tail,
}

/// Writes everything; `None` when something is not as expected.
fn write(
    connection: &Connection,
    position: &mut Position,
    writes: &Writes,
    places: &mut Places,
    claims: &mut Claims<'_>,
    (touched, rows): (&mut [Touched], &Rows),
) -> Result<Option<Vec<Stream>>> {
    // In the order of their keys: neighbours share pages.
    let mut sorted: Vec<_> = writes.claims.iter().collect();
    sorted.sort_by_key(|claim| claim.key);
    for claim in sorted {
        if !claims.claim(connection, claim)? {
            return Ok(None);
        }
    }
    for key in &writes.forget {
        directory::forget(connection, *key)?;
    }

    let Some(made) = records(connection, position, writes, touched, rows)? else { return Ok(None) };

    write_profiles(connection, writes, touched, places)?;
    sums::add(connection, &writes.sums)?;
    for (message, row) in &writes.quarantine {
        put_quarantine(connection, message, row.as_ref())?;
    }
    for row in &writes.outbox {
        let seq = made.get(&(row.profile, row.n)).ok_or_else(|| {
            refused(format!("an outbox row of record {} of profile {} without it", row.n, row.profile))
        })?;
        outbox::add(connection, *seq, row)?;
    }
    erase::streams(connection, &writes.erase)?;
    Ok(Some(writes.erase.clone()))
}

/// Which of the batch's rows is whose.
type Rows = HashMap<ProfileId, usize>;

/// How the profiles stand that a batch writes.
enum Stand {
    /// As it was decided from.
    Expected(Vec<Touched>, Rows),
    /// These otherwise.
    Overtaken(Vec<ProfileId>),
}

/// Reads the profiles that the batch writes.
fn touched(connection: &Connection, writes: &Writes, places: &Places) -> Result<Stand> {
    let mut overtaken = Vec::new();
    let mut touched = Vec::with_capacity(writes.profiles.len());
    let mut rows = HashMap::with_capacity(writes.profiles.len());
    for (at, write) in writes.profiles.iter().enumerate() {
        let id = write.row.id;
        if rows.insert(id, at).is_some() {
            return Err(refused(format!("profile {id} stands twice in one batch")));
        }
        let old = places.find(connection, id)?;
        let tail = old.map_or_else(Tail::default, |old| old.tail);
        let expected = match (&old, &write.from) {
            (Some(old), Some(from)) => old.is(from),
            (None, None) => true,
            _ => false,
        };
        if !expected {
            overtaken.push(id);
        }
        touched.push(Touched { old, tail });
    }
    Ok(if overtaken.is_empty() { Stand::Expected(touched, rows) } else { Stand::Overtaken(overtaken) })
}

type Made = HashMap<(ProfileId, u64), i64>;

/// Appends the records, and says in which rows those of profiles stand (when something hangs on them);
/// `None` when another has gone before.
fn records(
    connection: &Connection,
    position: &mut Position,
    writes: &Writes,
    touched: &mut [Touched],
    rows: &Rows,
) -> Result<Option<Made>> {
    let mut made = HashMap::new();
    let mut quarantined: BTreeMap<[u8; 16], Quarantined> = BTreeMap::new();
    for record in &writes.records {
        let tail = match record.stream {
            Stream::Control => return Err(refused("a batch cannot write the control stream")),
            Stream::Profile(id) => match rows.get(&id) {
                Some(at) => &mut touched[*at].tail,
                None => return Err(refused(format!("a record of profile {id} without its row"))),
            },
            Stream::Quarantine(message) => {
                let found = match quarantined.entry(message) {
                    Entry::Occupied(found) => found.into_mut(),
                    Entry::Vacant(place) => {
                        let found = streams::quarantined(connection, &message)?;
                        place.insert(found.unwrap_or(Quarantined { tail: Tail::default(), identity: None }))
                    }
                };
                let tail = &mut found.tail;
                if record.n <= tail.n {
                    return Ok(None);
                }
                tail
            }
        };
        append(connection, position, record, tail)?;
        if let Stream::Profile(id) = record.stream {
            position.records += 1;
            if !writes.outbox.is_empty() {
                made.insert((id, record.n), position.seq);
            }
        }
    }
    for (write, touched) in writes.profiles.iter().zip(touched.iter()) {
        if write.row.n != touched.tail.n {
            let (id, n, end) = (write.row.id, write.row.n, touched.tail.n);
            return Err(refused(format!("the row of profile {id} says {n}, its stream ends at {end}")));
        }
    }
    for (message, row) in &quarantined {
        streams::put_quarantined(connection, message, row)?;
    }
    Ok(Some(made))
}

fn append(
    connection: &Connection,
    position: &mut Position,
    record: &NewRecord,
    tail: &mut Tail,
) -> Result<()> {
    if record.n != tail.n + 1 {
        let stream = stream_name(record.stream);
        return Err(refused(format!("record {} of {stream}, which ends at {}", record.n, tail.n)));
    }
    position.seq += 1;
    journal::append(connection, position.seq, tail.seq, record)?;
    *tail = Tail { n: record.n, seq: position.seq };
    Ok(())
}

fn write_profiles(
    connection: &Connection,
    writes: &Writes,
    touched: &[Touched],
    places: &mut Places,
) -> Result<()> {
    let mut manifests = profiles::Counts::default();
    let mut members = memberships::Counts::default();
    let mut order: Vec<usize> = (0..touched.len()).collect();
    order.sort_by_key(|at| touched[*at].old.as_ref().map_or(i64::MAX, |old| old.no));
    for at in order {
        let (write, touched) = (&writes.profiles[at], &touched[at]);
        let place = profiles::write(connection, touched.old, &write.row, touched.tail.seq, &mut manifests)?;
        places.note(write.row.id, place);
        hang_on(connection, write, &mut members)?;
    }
    manifests.write(connection)?;
    members.write(connection)
}

/// Writes what hangs on a profile row.
pub(super) fn hang_on(
    connection: &Connection,
    write: &store::ProfileWrite,
    members: &mut memberships::Counts,
) -> Result<()> {
    let id = write.row.id;
    for key in &write.left {
        memberships::leave(connection, key, id, members)?;
    }
    for (key, since) in &write.entered {
        memberships::enter(connection, key, id, *since, members)?;
    }
    for (key, value) in &write.no_longer_found_by {
        search::remove(connection, key, value, id)?;
    }
    for (key, value) in &write.found_by {
        search::add(connection, key, value, id)?;
    }
    Ok(())
}

fn put_quarantine(
    connection: &Connection,
    message: &[u8; 16],
    row: Option<&store::QuarantineRow>,
) -> Result<()> {
    let Some(row) = row else { return quarantine::remove(connection, message) };
    if row.message != *message {
        return Err(refused("a quarantine row under another message"));
    }
    quarantine::put(connection, row)?;
    // Whose event it is stays known when it is released: an erasure has to find it.
    if let Some(mut stream) = streams::quarantined(connection, message)?
        && row.identity.is_some()
        && stream.identity != row.identity
    {
        stream.identity = row.identity;
        streams::put_quarantined(connection, message, &stream)?;
    }
    Ok(())
}
