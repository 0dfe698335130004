//! The list of erasures: streams whose bodies are gone for good.

use jiff::Timestamp;
use ledger::ProfileId;
use rusqlite::{Connection, Row};
use store::Stream;

use crate::{
    checksum::Sum,
    codec::{StreamKey, limit as bound, micros, stream, stream_name},
    fault::{Result, verify},
};

fn sum(key: &[u8], at: i64, pending: bool) -> i64 {
    Sum::of("erasure").bytes(key).int(at).int(i64::from(pending)).end()
}

/// Notes an erasure. `pending`: brought back by a restore; the caller of the store has to erase it again.
pub(crate) fn put(connection: &Connection, of: Stream, at: Timestamp, pending: bool) -> Result<()> {
    let key = StreamKey::new(of);
    let at = micros(at);
    connection
        .prepare_cached("INSERT OR REPLACE INTO erasure (stream, at, pending, crc) VALUES (?1, ?2, ?3, ?4)")?
        .execute((key.bytes(), at, pending, sum(key.bytes(), at, pending)))?;
    Ok(())
}

/// Every erased stream, when, and whether it is pending.
pub(crate) fn list(connection: &Connection) -> Result<Vec<(Stream, i64, bool)>> {
    let mut statement =
        connection.prepare_cached("SELECT stream, at, pending, crc FROM erasure ORDER BY stream")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified(row)?);
    }
    Ok(found)
}

fn verified(row: &Row<'_>) -> Result<(Stream, i64, bool)> {
    let key = row.get_ref(0)?.as_blob()?;
    let (at, pending): (i64, bool) = (row.get(1)?, row.get(2)?);
    let of = stream(key)?;
    verify(sum(key, at, pending), row.get(3)?, || format!("the erasure of {}", stream_name(of)))?;
    Ok((of, at, pending))
}

/// By stream, some of them.
pub(crate) fn some(connection: &Connection, skip: i64, limit: usize) -> Result<Vec<(Stream, i64, bool)>> {
    let mut statement = connection
        .prepare_cached("SELECT stream, at, pending, crc FROM erasure ORDER BY stream LIMIT ?2 OFFSET ?1")?;
    let mut rows = statement.query((skip, bound(limit)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified(row)?);
    }
    Ok(found)
}

/// The profiles that are pending.
pub(crate) fn pending(connection: &Connection) -> Result<Vec<ProfileId>> {
    Ok(list(connection)?
        .into_iter()
        .filter_map(|(of, _, pending)| match of {
            Stream::Profile(id) if pending => Some(id),
            _ => None,
        })
        .collect())
}
