//! What stands in quarantine.

use rusqlite::{Connection, Row};
use store::{Page, QuarantineRow};

use super::page;
use crate::{
    checksum::Sum,
    codec::{array, hex, limit as bound, micros, time, uint},
    cursor::List,
    fault::{Result, verify},
};

const COLUMNS: &str = "message, identity, at, name, code, errors, crc";

fn sum(row: &QuarantineRow) -> i64 {
    Sum::of("quarantine")
        .bytes(&row.message)
        .opt_bytes(row.identity.as_ref().map(<[u8; 16]>::as_slice))
        .int(micros(row.at))
        .opt_bytes(row.name.as_deref().map(str::as_bytes))
        .text(&row.code)
        .text(&row.errors)
        .end()
}

fn verified(row: &Row<'_>) -> Result<QuarantineRow> {
    let identity: Option<Vec<u8>> = row.get(1)?;
    let found = QuarantineRow {
        message: array(&row.get::<_, Vec<u8>>(0)?)?,
        identity: identity.map(|identity| array(&identity)).transpose()?,
        at: time(row.get(2)?)?,
        name: row.get(3)?,
        code: row.get(4)?,
        errors: row.get(5)?,
    };
    verify(sum(&found), row.get(6)?, || format!("quarantined event {}", hex(&found.message)))?;
    Ok(found)
}

pub(crate) fn put(connection: &Connection, row: &QuarantineRow) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO quarantine (message, identity, at, name, code, errors, crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((row.message, row.identity, micros(row.at), &row.name, &row.code, &row.errors, sum(row)))?;
    Ok(())
}

pub(crate) fn remove(connection: &Connection, message: &[u8; 16]) -> Result<()> {
    connection.prepare_cached("DELETE FROM quarantine WHERE message = ?1")?.execute([message])?;
    Ok(())
}

/// How many there are.
pub(crate) fn count(connection: &Connection) -> Result<u64> {
    let count: i64 = connection.query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0))?;
    Ok(uint(count)?)
}

/// Newest first.
pub(crate) fn list(
    connection: &Connection,
    list: List,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<QuarantineRow>> {
    let (at, message) = match after.and_then(|place| place.split_first_chunk::<8>()) {
        Some((at, message)) => (i64::from_be_bytes(*at), message.to_vec()),
        None => (i64::MAX, Vec::new()),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM quarantine WHERE (at, message) < (?1, ?2) ORDER BY at DESC, message DESC LIMIT ?3"
    ))?;
    let mut rows = statement.query((at, message, bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified(row)?);
    }
    Ok(page(found, limit, |last| {
        let mut place = micros(last.at).to_be_bytes().to_vec();
        place.extend_from_slice(&last.message);
        list.at(&place)
    }))
}

/// Calls `visit` with every row.
pub(crate) fn each(
    connection: &Connection,
    mut visit: impl FnMut(Result<QuarantineRow>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM quarantine"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(verified(row))?;
    }
    Ok(())
}
