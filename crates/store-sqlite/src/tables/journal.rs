//! The journal: append-only records, each pointing at its stream's previous one.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use store::{NewRecord, Record, Stream};

use crate::{
    checksum::Sum,
    codec::{StreamKey, int, micros, stream, stream_name, time, uint},
    fault::{Result, damaged, verify},
};

const COLUMNS: &str = "seq, stream, n, at, prev, crc, body_crc, header, body";

/// A row, verified.
pub(crate) struct Journaled {
    pub(crate) seq: i64,
    /// The stream's previous row; 0 for its first.
    pub(crate) prev: i64,
    pub(crate) record: Record,
}

fn head_sum(
    seq: i64,
    stream: &[u8],
    n: i64,
    at: i64,
    prev: i64,
    body_crc: Option<i64>,
    header: &[u8],
) -> i64 {
    Sum::of("journal").int(seq).bytes(stream).int(n).int(at).int(prev).opt_int(body_crc).bytes(header).end()
}

fn body_sum(seq: i64, body: &[u8]) -> i64 {
    Sum::of("body").int(seq).bytes(body).end()
}

/// Appends a record as row `seq`.
pub(crate) fn append(connection: &Connection, seq: i64, prev: i64, record: &NewRecord) -> Result<()> {
    let key = StreamKey::new(record.stream);
    let (n, at) = (int(record.n), micros(record.decided_at));
    let body_crc = record.body.as_deref().map(|body| body_sum(seq, body));
    let crc = head_sum(seq, key.bytes(), n, at, prev, body_crc, &record.header);
    connection
        .prepare_cached(
            "INSERT INTO journal (seq, stream, n, at, prev, crc, body_crc, header, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((seq, key.bytes(), n, at, prev, crc, body_crc, &record.header, record.body.as_deref()))?;
    Ok(())
}

/// A row as it lies in the page, verified.
struct Verified<'r> {
    seq: i64,
    stream: Stream,
    n: u64,
    at: i64,
    prev: i64,
    header: &'r [u8],
    body: Option<&'r [u8]>,
}

/// Verifies a row that was selected with [`COLUMNS`].
fn verified<'r>(row: &'r Row<'_>) -> Result<Verified<'r>> {
    let seq: i64 = row.get(0)?;
    let key = row.get_ref(1)?.as_blob()?;
    let (n, at, prev, crc): (i64, i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
    let body_crc: Option<i64> = row.get(6)?;
    let header = row.get_ref(7)?.as_blob()?;
    let body = row.get_ref(8)?.as_blob_or_null()?;
    let named = || match stream(key) {
        Ok(stream) => format!("record {n} of {} (row {seq})", stream_name(stream)),
        Err(_) => format!("journal row {seq}"),
    };
    verify(head_sum(seq, key, n, at, prev, body_crc, header), crc, named)?;
    if body.map(|body| body_sum(seq, body)) != body_crc {
        return Err(damaged(named(), "its body's checksum does not fit"));
    }
    Ok(Verified { seq, stream: stream(key)?, n: uint(n)?, at, prev, header, body })
}

/// The same, with a copy of all that is in it.
fn journaled(row: &Row<'_>) -> Result<Journaled> {
    let Verified { seq, stream, n, at, prev, header, body } = verified(row)?;
    let record =
        Record { stream, n, decided_at: time(at)?, header: header.to_vec(), body: body.map(<[u8]>::to_vec) };
    Ok(Journaled { seq, prev, record })
}

/// Finds rows by their numbers.
pub(crate) struct Finder<'c>(CachedStatement<'c>);

impl<'c> Finder<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self> {
        Ok(Self(connection.prepare_cached(&select(COLUMNS, "WHERE seq = ?1"))?))
    }

    /// The row at `seq`, which must be record `n` of this stream.
    pub(crate) fn get(&mut self, seq: i64, of: Stream, n: u64) -> Result<Journaled> {
        let what = || format!("record {n} of {}", stream_name(of));
        let mut rows = self.0.query([seq])?;
        let found = rows.next()?.map(journaled).transpose()?;
        let found = found.ok_or_else(|| damaged(what(), format!("row {seq} is gone")))?;
        if found.seq != seq || found.record.stream != of || found.record.n != n {
            return Err(damaged(what(), format!("row {seq} holds another record")));
        }
        Ok(found)
    }
}

/// The row at `seq`, which must be record `n` of this stream.
pub(crate) fn get(connection: &Connection, seq: i64, of: Stream, n: u64) -> Result<Journaled> {
    Finder::new(connection)?.get(seq, of, n)
}

/// The rows from `after` (exclusive) on that `wanted` takes by their stream, in order, at most `limit`. Also
/// the last row looked at. Finds gaps: the rows are numbered without any.
pub(crate) fn following(
    connection: &Connection,
    after: i64,
    limit: usize,
    wanted: impl Fn(Stream) -> bool,
) -> Result<(Vec<Journaled>, i64)> {
    let mut found = Vec::new();
    let last = each_following(connection, after, |row| {
        if wanted(stream(row.get_ref(1)?.as_blob()?)?) {
            found.push(journaled(row)?);
        }
        Ok(found.len() < limit)
    })?;
    Ok((found, last))
}

/// Goes through the rows from `after` (exclusive) on, in order, for as long as `visit` says. Gives the last row visited.
fn each_following(
    connection: &Connection,
    after: i64,
    mut visit: impl FnMut(&Row<'_>) -> Result<bool>,
) -> Result<i64> {
    let sql = select(COLUMNS, "WHERE seq > ?1 ORDER BY seq");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([after])?;
    let mut last = after;
    loop {
        let Some(row) = rows.next()? else {
            let end = super::position::Position::read(connection)?.seq;
            if last < end {
                return Err(damaged("the journal", format!("rows {} to {end} are gone", last + 1)));
            }
            return Ok(last);
        };
        let seq: i64 = row.get(0)?;
        if seq != last + 1 {
            return Err(damaged("the journal", format!("row {} is gone", last + 1)));
        }
        last = seq;
        if !visit(row)? {
            return Ok(last);
        }
    }
}

/// The rows before `before`, newest first, that `wanted` takes by their stream.
pub(crate) fn preceding(
    connection: &Connection,
    before: i64,
    limit: usize,
    wanted: impl Fn(Stream) -> bool,
) -> Result<Vec<Journaled>> {
    let sql = select(COLUMNS, "WHERE seq < ?1 ORDER BY seq DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([before])?;
    let (mut found, mut last) = (Vec::new(), before);
    while found.len() < limit {
        let Some(row) = rows.next()? else {
            if last > 1 {
                return Err(damaged("the journal", format!("rows up to {} are gone", last - 1)));
            }
            break;
        };
        let seq: i64 = row.get(0)?;
        if seq != last - 1 {
            return Err(damaged("the journal", format!("row {} is gone", last - 1)));
        }
        last = seq;
        if wanted(stream(row.get_ref(1)?.as_blob()?)?) {
            found.push(journaled(row)?);
        }
    }
    Ok(found)
}

/// How many rows there are.
pub(crate) fn count(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("SELECT count(*) FROM journal", [], |row| row.get(0))?)
}

/// Deletes a row's body for good. Says which row came before it in its stream.
pub(crate) fn erase_body(connection: &Connection, row: &Journaled) -> Result<()> {
    if row.record.body.is_none() {
        return Ok(());
    }
    let key = StreamKey::new(row.record.stream);
    let (n, at) = (int(row.record.n), micros(row.record.decided_at));
    let crc = head_sum(row.seq, key.bytes(), n, at, row.prev, None, &row.record.header);
    connection
        .prepare_cached("UPDATE journal SET body = NULL, body_crc = NULL, crc = ?2 WHERE seq = ?1")?
        .execute((row.seq, crc))?;
    Ok(())
}

/// The sum of the row at `seq`, for the anchor.
pub(crate) fn stamp(connection: &Connection, seq: i64) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT stream, n, at, prev, header FROM journal WHERE seq = ?1")?
        .query_row([seq], |row| {
            let key: Vec<u8> = row.get(0)?;
            let header: Vec<u8> = row.get(4)?;
            Ok(head_sum(seq, &key, row.get(1)?, row.get(2)?, row.get(3)?, None, &header))
        })
        .optional()?)
}

fn select(columns: &str, rest: &str) -> String {
    format!("SELECT {columns} FROM journal {rest}")
}
