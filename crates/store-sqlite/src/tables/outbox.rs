//! The outbox: named by the journal row that made each, so that no index by profile is needed.

use rusqlite::{Connection, Row};
use store::{OutboxRow, Page};

use super::page;
use crate::{
    checksum::Sum,
    codec::{int, limit as bound, micros, profile_id, time, uint},
    cursor::List,
    fault::{Result, damaged, verify},
};

const COLUMNS: &str = "seq, place, profile, n, channel, at, incarnation, status, payload, crc";

struct Placed {
    seq: i64,
    row: OutboxRow,
}

fn sum(seq: i64, row: &OutboxRow) -> i64 {
    Sum::of("outbox")
        .int(seq)
        .int(i64::from(row.index))
        .bytes(&row.profile.0)
        .int(int(row.n))
        .text(&row.channel)
        .int(micros(row.at))
        .int(int(row.incarnation))
        .text(&row.status)
        .text(&row.payload)
        .end()
}

fn verified(row: &Row<'_>) -> Result<Placed> {
    let placed = Placed {
        seq: row.get(0)?,
        row: OutboxRow {
            index: u16::try_from(row.get::<_, i64>(1)?)
                .map_err(|_| damaged("an outbox row", "its place is out of range"))?,
            profile: profile_id(row.get_ref(2)?.as_blob()?)?,
            n: uint(row.get(3)?)?,
            channel: row.get(4)?,
            at: time(row.get(5)?)?,
            incarnation: uint(row.get(6)?)?,
            status: row.get(7)?,
            payload: row.get(8)?,
        },
    };
    verify(sum(placed.seq, &placed.row), row.get(9)?, || {
        format!("outbox row {}/{}/{}", placed.row.profile, placed.row.n, placed.row.index)
    })?;
    Ok(placed)
}

pub(crate) fn add(connection: &Connection, seq: i64, row: &OutboxRow) -> Result<()> {
    connection
        .prepare_cached(&format!(
            "INSERT INTO outbox ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute((
            seq,
            row.index,
            row.profile.0,
            int(row.n),
            &row.channel,
            micros(row.at),
            int(row.incarnation),
            &row.status,
            &row.payload,
            sum(seq, row),
        ))?;
    Ok(())
}

/// Deletes the payloads of the rows that this journal row made.
pub(crate) fn erase(connection: &Connection, seq: i64) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE seq = ?1"))?;
    let mut rows = statement.query([seq])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified(row)?.row);
    }
    for mut row in found {
        row.payload.clear();
        connection
            .prepare_cached("UPDATE outbox SET payload = '', crc = ?3 WHERE seq = ?1 AND place = ?2")?
            .execute((seq, row.index, sum(seq, &row)))?;
    }
    Ok(())
}

/// Newest first.
pub(crate) fn list(
    connection: &Connection,
    list: List,
    after: Option<[i64; 2]>,
    limit: usize,
) -> Result<Page<OutboxRow>> {
    let [seq, place] = after.unwrap_or([i64::MAX, i64::MAX]);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE (seq, place) < (?1, ?2) ORDER BY seq DESC, place DESC LIMIT ?3"
    ))?;
    let mut rows = statement.query((seq, place, bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified(row)?);
    }
    let page = page(found, limit, |last| list.at_numbers([last.seq, i64::from(last.row.index)]));
    Ok(Page { rows: page.rows.into_iter().map(|placed| placed.row).collect(), next: page.next })
}

/// The rows that journal rows `after` (exclusive) to `until` made, in their order; with that journal row.
pub(crate) fn between(connection: &Connection, after: i64, until: i64) -> Result<Vec<(i64, OutboxRow)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE seq > ?1 AND seq <= ?2 ORDER BY seq, place"
    ))?;
    let mut rows = statement.query((after, until))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let placed = verified(row)?;
        found.push((placed.seq, placed.row));
    }
    Ok(found)
}

/// Calls `visit` for every row.
pub(crate) fn each(connection: &Connection, mut visit: impl FnMut(Result<()>) -> Result<()>) -> Result<()> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM outbox"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(verified(row).map(|_| ()))?;
    }
    Ok(())
}
