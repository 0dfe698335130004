//! Due work: each profile's earliest, and the environment's own schedules.

use jiff::Timestamp;
use rusqlite::Connection;
use store::{Due, DueOwner};

use super::profiles;
use crate::{
    checksum::Sum,
    codec::{limit as bound, micros, profile_id, time},
    fault::{Result, verify},
};

fn sum(address: &str, at: i64) -> i64 {
    Sum::of("schedule").text(address).int(at).end()
}

/// Replaces the schedules.
pub(crate) fn put_schedules(connection: &Connection, schedules: &[(String, Timestamp)]) -> Result<()> {
    connection.execute("DELETE FROM schedule", [])?;
    schedules.iter().try_for_each(|(address, at)| put_schedule(connection, address, *at))
}

/// Adds one.
pub(crate) fn put_schedule(connection: &Connection, address: &str, at: Timestamp) -> Result<()> {
    let at = micros(at);
    connection
        .prepare_cached("INSERT OR REPLACE INTO schedule (address, at, crc) VALUES (?1, ?2, ?3)")?
        .execute((address, at, sum(address, at)))?;
    Ok(())
}

/// The schedules, earliest first.
pub(crate) fn schedules(connection: &Connection) -> Result<Vec<(String, i64)>> {
    let mut statement =
        connection.prepare_cached("SELECT address, at, crc FROM schedule ORDER BY at, address")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (address, at): (String, i64) = (row.get(0)?, row.get(1)?);
        verify(sum(&address, at), row.get(2)?, || format!("the schedule of `{address}`"))?;
        found.push((address, at));
    }
    Ok(found)
}

/// Due at or before `until`, earliest first; schedules before profiles of the same time.
pub(crate) fn list(connection: &Connection, until: Timestamp, limit: usize) -> Result<Vec<Due>> {
    let until = micros(until);
    let mut found: Vec<(i64, DueOwner)> = schedules(connection)?
        .into_iter()
        .filter(|(_, at)| *at <= until)
        .map(|(address, at)| (at, DueOwner::Schedule(address)))
        .collect();
    let mut statement = connection.prepare_cached(
        "SELECT due_at, id FROM profile WHERE due_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
    )?;
    let mut rows = statement.query((until, bound(limit)))?;
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(0)?;
        let id = profile_id(row.get_ref(1)?.as_blob()?)?;
        // The index is not summed up, the row is.
        let summed = profiles::find(connection, id)?.and_then(|found| found.row.due_at).map(micros);
        verify(summed.unwrap_or(i64::MIN), at, || format!("the due time of profile {id}"))?;
        found.push((at, DueOwner::Profile(id)));
    }
    found.sort_by_key(|(at, _)| *at);
    found.truncate(limit);
    found.into_iter().map(|(at, owner)| Ok(Due { at: time(at)?, owner })).collect()
}

/// The earliest of all.
pub(crate) fn next(connection: &Connection) -> Result<Option<Timestamp>> {
    let schedule = schedules(connection)?.first().map(|(_, at)| *at);
    let profile: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM profile WHERE due_at IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok([schedule, profile].into_iter().flatten().min().map(time).transpose()?)
}
