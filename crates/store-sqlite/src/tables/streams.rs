//! Streams: where each one's tail stands, and the walk back from it.

use rusqlite::{Connection, OptionalExtension};
use store::{Direction, Record, Stream};

use super::journal::{self, Finder, Journaled};
use crate::{
    checksum::Sum,
    codec::{StreamKey, array, hex, int, stream_name, uint},
    fault::{Result, damaged, verify},
    tables::{position::Position, profiles},
};

/// A stream's last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) n: u64,
    pub(crate) seq: i64,
}

/// Where a stream ends; zeros when it has not begun.
pub(crate) fn tail(connection: &Connection, of: Stream) -> Result<Tail> {
    match of {
        Stream::Control => {
            let n = Position::read(connection)?.epoch;
            Ok(Tail { n, seq: control_end(connection, n)? })
        }
        Stream::Profile(id) => {
            Ok(profiles::find(connection, id)?.map_or_else(Tail::default, |found| found.tail()))
        }
        Stream::Quarantine(message) => {
            Ok(quarantined(connection, &message)?.map_or_else(Tail::default, |found| found.tail))
        }
    }
}

/// The journal row in which a control stream of this length ends; 0 when it has not begun.
pub(crate) fn control_end(connection: &Connection, epoch: u64) -> Result<i64> {
    if epoch == 0 { Ok(0) } else { control_seq(connection, epoch) }
}

/// The journal row of a control record.
fn control_seq(connection: &Connection, n: u64) -> Result<i64> {
    connection
        .prepare_cached("SELECT seq FROM control WHERE n = ?1")?
        .query_row([int(n)], |row| row.get(0))
        .optional()?
        .ok_or_else(|| damaged(format!("record {n} of the control stream"), "its place is gone"))
}

/// Notes where a control record stands.
pub(crate) fn put_control(connection: &Connection, n: u64, seq: i64) -> Result<()> {
    connection.prepare_cached("INSERT INTO control (n, seq) VALUES (?1, ?2)")?.execute((int(n), seq))?;
    Ok(())
}

/// A record of the control stream.
pub(crate) fn control(connection: &Connection, n: u64) -> Result<Record> {
    journal::get(connection, control_seq(connection, n)?, Stream::Control, n).map(|row| row.record)
}

/// A quarantine stream.
pub(crate) struct Quarantined {
    pub(crate) tail: Tail,
    pub(crate) identity: Option<[u8; 16]>,
}

fn quarantined_sum(message: &[u8], tail: Tail, identity: Option<&[u8]>) -> i64 {
    Sum::of("quarantine_stream").bytes(message).int(int(tail.n)).int(tail.seq).opt_bytes(identity).end()
}

pub(crate) fn quarantined(connection: &Connection, message: &[u8; 16]) -> Result<Option<Quarantined>> {
    let mut statement = connection.prepare_cached(
        "SELECT message, n, tail_seq, identity, crc FROM quarantine_stream WHERE message = ?1",
    )?;
    let mut rows = statement.query([message])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let key: Vec<u8> = row.get(0)?;
    let tail = Tail { n: uint(row.get(1)?)?, seq: row.get(2)? };
    let identity: Option<Vec<u8>> = row.get(3)?;
    verify(quarantined_sum(&key, tail, identity.as_deref()), row.get(4)?, || {
        format!("the tail of quarantined event {}", hex(&key))
    })?;
    let identity = identity.map(|identity| array(&identity)).transpose()?;
    Ok(Some(Quarantined { tail, identity }))
}

pub(crate) fn put_quarantined(connection: &Connection, message: &[u8; 16], row: &Quarantined) -> Result<()> {
    let identity = row.identity.as_ref().map(<[u8; 16]>::as_slice);
    connection
        .prepare_cached(
            "INSERT INTO quarantine_stream (message, n, tail_seq, identity, crc) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (message) DO UPDATE SET n = ?2, tail_seq = ?3, identity = ?4, crc = ?5",
        )?
        .execute((
            message,
            int(row.tail.n),
            row.tail.seq,
            identity,
            quarantined_sum(message, row.tail, identity),
        ))?;
    Ok(())
}

/// Calls `visit` with every quarantine stream's message and where it ends.
pub(crate) fn each_quarantined(
    connection: &Connection,
    mut visit: impl FnMut(Result<([u8; 16], Tail)>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare("SELECT message FROM quarantine_stream")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let message = array(row.get_ref(0)?.as_blob()?)?;
        let found = quarantined(connection, &message);
        visit(found.map(|found| (message, found.map_or_else(Tail::default, |found| found.tail))))?;
    }
    Ok(())
}

/// The quarantined events that carry this identity.
pub(crate) fn quarantined_of(connection: &Connection, identity: [u8; 16]) -> Result<Vec<[u8; 16]>> {
    let mut statement = connection
        .prepare_cached("SELECT message FROM quarantine_stream WHERE identity = ?1 ORDER BY message")?;
    let mut rows = statement.query([identity])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let message = array(row.get_ref(0)?.as_blob()?)?;
        if quarantined(connection, &message)?.and_then(|row| row.identity) == Some(identity) {
            found.push(message);
        }
    }
    Ok(found)
}

/// Walks back from `from`, verifying the chain, until `visit` has enough (answers false).
pub(crate) fn walk(
    connection: &Connection,
    of: Stream,
    from: Tail,
    visit: impl FnMut(Journaled) -> Result<bool>,
) -> Result<()> {
    walk_with(&mut Finder::new(connection)?, of, from, visit)
}

/// The same, for whoever walks many.
pub(crate) fn walk_with(
    finder: &mut Finder<'_>,
    of: Stream,
    from: Tail,
    mut visit: impl FnMut(Journaled) -> Result<bool>,
) -> Result<()> {
    let mut at = from;
    while at.n > 0 {
        let row = finder.get(at.seq, of, at.n)?;
        let next = Tail { n: at.n - 1, seq: row.prev };
        if (next.n == 0) != (next.seq == 0) {
            let what = format!("record {} of {}", at.n, stream_name(of));
            return Err(damaged(what, "it does not point at the one before it"));
        }
        if !visit(row)? {
            return Ok(());
        }
        at = next;
    }
    Ok(())
}

/// Record `n` of a stream.
pub(crate) fn record(connection: &Connection, of: Stream, n: u64) -> Result<Option<Record>> {
    let tail = tail(connection, of)?;
    if n == 0 || n > tail.n {
        return Ok(None);
    }
    if of == Stream::Control {
        return control(connection, n).map(Some);
    }
    let mut found = None;
    walk(connection, of, tail, |row| {
        if row.record.n == n {
            found = Some(row.record);
            return Ok(false);
        }
        Ok(true)
    })?;
    Ok(found)
}

/// A page of a stream, and the place after it: the next record's `n` and row (0: not known, walk from the tail).
pub(crate) fn page(
    connection: &Connection,
    of: Stream,
    direction: Direction,
    after: Option<Tail>,
    limit: usize,
) -> Result<(Vec<Record>, Option<Tail>)> {
    let mut rows = Vec::new();
    match direction {
        Direction::Backward => {
            let from = match after {
                Some(place) => place,
                None => tail(connection, of)?,
            };
            let mut next = None;
            walk(connection, of, from, |row| {
                next = (row.record.n > 1).then_some(Tail { n: row.record.n - 1, seq: row.prev });
                rows.push(row.record);
                Ok(rows.len() < limit)
            })?;
            Ok((rows, next))
        }
        Direction::Forward => {
            let tail = tail(connection, of)?;
            let first = after.map_or(1, |place| place.n);
            let last = tail.n.min(first.saturating_add(limit as u64 - 1));
            if first > tail.n {
                return Ok((rows, None));
            }
            if of == Stream::Control {
                for n in first..=last {
                    rows.push(control(connection, n)?);
                }
            } else {
                walk(connection, of, tail, |row| {
                    let n = row.record.n;
                    if n <= last {
                        rows.push(row.record);
                    }
                    Ok(n > first)
                })?;
                rows.reverse();
            }
            Ok((rows, (last < tail.n).then_some(Tail { n: last + 1, seq: 0 })))
        }
    }
}

/// The name of a stream as a filter of cursors.
pub(crate) fn filter(of: Stream) -> Vec<u8> {
    StreamKey::new(of).bytes().to_vec()
}
