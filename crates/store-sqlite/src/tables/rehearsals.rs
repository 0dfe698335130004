//! Reports of rehearsals: the newest, each with what it says of members in rows of its own.

use ledger::ProfileId;
use rusqlite::{Connection, OptionalExtension, Row};
use store::{
    AboutMember, Error, Page, REHEARSALS_KEPT, Rehearsal, RehearsalRow,
    encoding::rehearsals::{about_sum, report_sum, row_sum},
};

use super::page;
use crate::{
    codec::{StreamKey, array, limit as bound, micros, opt_time, profile_id, time},
    cursor::List,
    fault::{Result, verify},
};

const COLUMNS: &str = "no, id, at, actor_id, actor, digest, current, candidate, since, until, trusted, crc";

/// A row with its number.
fn verified(row: &Row<'_>) -> Result<(i64, RehearsalRow)> {
    let current: Option<Vec<u8>> = row.get(6)?;
    let found = RehearsalRow {
        id: row.get(1)?,
        at: time(row.get(2)?)?,
        actor_id: row.get(3)?,
        actor: row.get(4)?,
        digest: row.get(5)?,
        current: current.as_deref().map(array).transpose()?,
        candidate: array(row.get_ref(7)?.as_blob()?)?,
        since: opt_time(row.get(8)?)?,
        until: opt_time(row.get(9)?)?,
        trusted: row.get(10)?,
    };
    verify(row_sum(&found), row.get(11)?, || format!("rehearsal {}", found.id))?;
    Ok((row.get(0)?, found))
}

/// Keeps a new report: nothing of people who have been erased, and none of the oldest.
pub(crate) fn keep(connection: &Connection, rehearsal: &Rehearsal) -> Result<()> {
    let mut same = connection.prepare_cached("SELECT 1 FROM rehearsal WHERE id = ?1")?;
    if same.exists([&rehearsal.row.id])? {
        return Err(Error::Exists(format!("rehearsal `{}`", rehearsal.row.id)).into());
    }
    let mut members = rehearsal.members.clone();
    for member in &mut members {
        if is_erased(connection, member.profile)? {
            member.about.clear();
        }
    }
    put(connection, &Rehearsal { members, ..rehearsal.clone() })?;
    let oldest: Option<i64> = connection
        .query_row(
            "SELECT no FROM rehearsal ORDER BY no DESC LIMIT 1 OFFSET ?1",
            [bound(REHEARSALS_KEPT)],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(no) = oldest {
        connection.execute("DELETE FROM rehearsal WHERE no <= ?1", [no])?;
        connection.execute("DELETE FROM rehearsal_member WHERE rehearsal <= ?1", [no])?;
    }
    Ok(())
}

fn is_erased(connection: &Connection, profile: ProfileId) -> Result<bool> {
    let key = StreamKey::new(store::Stream::Profile(profile));
    let mut statement = connection.prepare_cached("SELECT 1 FROM erasure WHERE stream = ?1")?;
    Ok(statement.exists([key.bytes()])?)
}

/// Writes a report as it is, as the newest.
pub(crate) fn put(connection: &Connection, rehearsal: &Rehearsal) -> Result<()> {
    let row = &rehearsal.row;
    let no: i64 =
        connection.query_row("SELECT coalesce(max(no), 0) + 1 FROM rehearsal", [], |row| row.get(0))?;
    connection.execute(
        &format!(
            "INSERT INTO rehearsal ({COLUMNS}, report_crc, report)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
        ),
        (
            no,
            &row.id,
            micros(row.at),
            &row.actor_id,
            &row.actor,
            &row.digest,
            row.current,
            row.candidate,
            row.since.map(micros),
            row.until.map(micros),
            row.trusted,
            row_sum(row),
            report_sum(&row.id, &rehearsal.report),
            &rehearsal.report,
        ),
    )?;
    for (place, member) in (0_i64..).zip(&rehearsal.members) {
        connection.execute(
            "INSERT INTO rehearsal_member (rehearsal, place, profile, about, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
            (no, place, member.profile.0, &member.about, about_sum(no, place, member)),
        )?;
    }
    Ok(())
}

/// What reports say of a profile goes for good.
pub(crate) fn erase(connection: &Connection, profile: ProfileId) -> Result<()> {
    let mut statement = connection
        .prepare_cached("SELECT rehearsal, place FROM rehearsal_member WHERE profile = ?1 AND about <> ''")?;
    let mut rows = statement.query([profile.0])?;
    let mut found: Vec<(i64, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, row.get(1)?));
    }
    for (no, place) in found {
        let member = AboutMember { profile, about: String::new() };
        connection
            .prepare_cached(
                "UPDATE rehearsal_member SET about = '', crc = ?3 WHERE rehearsal = ?1 AND place = ?2",
            )?
            .execute((no, place, about_sum(no, place, &member)))?;
    }
    Ok(())
}

/// Newest first.
pub(crate) fn list(
    connection: &Connection,
    list: List,
    after: Option<[i64; 1]>,
    limit: usize,
) -> Result<Page<RehearsalRow>> {
    let [before] = after.unwrap_or([i64::MAX]);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM rehearsal WHERE no < ?1 ORDER BY no DESC LIMIT ?2"
    ))?;
    let mut rows = statement.query((before, bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified(row)?);
    }
    let page = page(found, limit, |(no, _)| list.at_numbers([*no]));
    Ok(Page { rows: page.rows.into_iter().map(|(_, row)| row).collect(), next: page.next })
}

/// One of them, whole.
pub(crate) fn find(connection: &Connection, id: &str) -> Result<Option<Rehearsal>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS}, report_crc, report FROM rehearsal WHERE id = ?1"))?;
    let mut rows = statement.query([id])?;
    match rows.next()? {
        Some(row) => Ok(Some(whole(connection, row)?.1)),
        None => Ok(None),
    }
}

/// Oldest first, after a number; with their numbers.
pub(crate) fn after(connection: &Connection, no: i64, limit: usize) -> Result<Vec<(i64, Rehearsal)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, report_crc, report FROM rehearsal WHERE no > ?1 ORDER BY no LIMIT ?2"
    ))?;
    let mut rows = statement.query((no, bound(limit)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(whole(connection, row)?);
    }
    Ok(found)
}

/// A row with its report and what that says of members.
fn whole(connection: &Connection, row: &Row<'_>) -> Result<(i64, Rehearsal)> {
    let (no, found) = verified(row)?;
    let report: String = row.get(13)?;
    verify(report_sum(&found.id, &report), row.get(12)?, || format!("the report of rehearsal {}", found.id))?;
    let mut statement = connection.prepare_cached(
        "SELECT place, profile, about, crc FROM rehearsal_member WHERE rehearsal = ?1 ORDER BY place",
    )?;
    let mut rows = statement.query([no])?;
    let mut members = Vec::new();
    while let Some(row) = rows.next()? {
        let profile = profile_id(row.get_ref(1)?.as_blob()?)?;
        let member = AboutMember { profile, about: row.get(2)? };
        verify(about_sum(no, row.get(0)?, &member), row.get(3)?, || {
            format!("what rehearsal {} says of profile {profile}", found.id)
        })?;
        members.push(member);
    }
    Ok((no, Rehearsal { row: found, report, members }))
}
