//! Who is in which audience, and how many each has.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use ledger::ProfileId;
use rusqlite::{Connection, OptionalExtension};
use store::{Membership, Page};

use super::page;
use crate::{
    checksum::Sum,
    codec::{limit as bound, micros, profile_id, time, uint},
    cursor::List,
    fault::{Result, damaged, verify},
};

fn sum(audience_no: i64, profile: &[u8], since: i64) -> i64 {
    Sum::of("membership").int(audience_no).bytes(profile).int(since).end()
}

fn audience_sum(no: i64, key: &str, members: i64) -> i64 {
    Sum::of("audience").int(no).text(key).int(members).end()
}

/// How many members audiences gained and lost: gathered over a commit, written once.
#[derive(Default)]
pub(crate) struct Counts {
    changes: BTreeMap<i64, i64>,
    known: BTreeMap<Arc<str>, i64>,
}

impl Counts {
    fn no(&mut self, connection: &Connection, key: &Arc<str>) -> Result<i64> {
        if let Some(no) = self.known.get(key) {
            return Ok(*no);
        }
        let no = if let Some((no, _)) = audience(connection, key)? {
            no
        } else {
            let no: i64 =
                connection
                    .query_row("SELECT coalesce(max(no), 0) + 1 FROM audience", [], |row| row.get(0))?;
            connection.execute(
                "INSERT INTO audience (no, key, members, crc) VALUES (?1, ?2, 0, ?3)",
                (no, key.as_ref(), audience_sum(no, key, 0)),
            )?;
            no
        };
        self.known.insert(key.clone(), no);
        Ok(no)
    }

    pub(crate) fn write(&self, connection: &Connection) -> Result<()> {
        for (no, change) in self.changes.iter().filter(|(_, change)| **change != 0) {
            let (key, members) = audience_of(connection, *no)?;
            let members = members + change;
            connection
                .prepare_cached("UPDATE audience SET members = ?2, crc = ?3 WHERE no = ?1")?
                .execute((no, members, audience_sum(*no, &key, members)))?;
        }
        Ok(())
    }
}

fn audience(connection: &Connection, key: &str) -> Result<Option<(i64, i64)>> {
    let row: Option<(i64, i64, i64)> = connection
        .prepare_cached("SELECT no, members, crc FROM audience WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((no, members, crc)) = row else { return Ok(None) };
    verify(audience_sum(no, key, members), crc, || format!("audience `{key}`"))?;
    Ok(Some((no, members)))
}

fn audience_of(connection: &Connection, no: i64) -> Result<(String, i64)> {
    let what = || format!("audience number {no}");
    let (key, members, crc): (String, i64, i64) = connection
        .prepare_cached("SELECT key, members, crc FROM audience WHERE no = ?1")?
        .query_row([no], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or_else(|| damaged(what(), "it is gone"))?;
    verify(audience_sum(no, &key, members), crc, what)?;
    Ok((key, members))
}

pub(crate) fn enter(
    connection: &Connection,
    key: &Arc<str>,
    profile: ProfileId,
    since: Timestamp,
    counts: &mut Counts,
) -> Result<()> {
    let no = counts.no(connection, key)?;
    let since = micros(since);
    let crc = sum(no, &profile.0, since);
    let added = connection
        .prepare_cached(
            "INSERT INTO membership (audience_no, profile, since, crc) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute((no, profile.0, since, crc))?;
    if added == 1 {
        *counts.changes.entry(no).or_default() += 1;
    } else {
        connection
            .prepare_cached(
                "UPDATE membership SET since = ?3, crc = ?4 WHERE audience_no = ?1 AND profile = ?2",
            )?
            .execute((no, profile.0, since, crc))?;
    }
    Ok(())
}

pub(crate) fn leave(
    connection: &Connection,
    key: &Arc<str>,
    profile: ProfileId,
    counts: &mut Counts,
) -> Result<()> {
    let no = counts.no(connection, key)?;
    remove(connection, no, profile, counts)
}

fn remove(connection: &Connection, no: i64, profile: ProfileId, counts: &mut Counts) -> Result<()> {
    let gone = connection
        .prepare_cached("DELETE FROM membership WHERE audience_no = ?1 AND profile = ?2")?
        .execute((no, profile.0))?;
    if gone == 1 {
        *counts.changes.entry(no).or_default() -= 1;
    }
    Ok(())
}

/// Takes a profile out of every audience.
pub(crate) fn leave_all(connection: &Connection, profile: ProfileId, counts: &mut Counts) -> Result<()> {
    let mut statement = connection.prepare_cached("SELECT no FROM audience")?;
    let numbers = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    numbers.into_iter().try_for_each(|no| remove(connection, no, profile, counts))
}

pub(crate) fn members(
    connection: &Connection,
    list: List,
    key: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<Membership>> {
    let Some((no, _)) = audience(connection, key)? else {
        return Ok(Page { rows: Vec::new(), next: None });
    };
    let mut statement = connection.prepare_cached(
        "SELECT profile, since, crc FROM membership WHERE audience_no = ?1 AND profile > ?2
         ORDER BY profile LIMIT ?3",
    )?;
    let mut rows = statement.query((no, after.unwrap_or_default(), bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let profile = profile_id(row.get_ref(0)?.as_blob()?)?;
        let since: i64 = row.get(1)?;
        verify(sum(no, &profile.0, since), row.get(2)?, || format!("membership of {profile} in `{key}`"))?;
        found.push(Membership { profile, since: time(since)? });
    }
    Ok(page(found, limit, |last| list.at(&last.profile.0)))
}

/// Every audience that has members, by key.
pub(crate) fn counts(connection: &Connection) -> Result<Vec<(Arc<str>, u64)>> {
    let mut statement = connection.prepare_cached("SELECT key FROM audience ORDER BY key")?;
    let keys = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for key in keys {
        let (_, members) =
            audience(connection, &key)?.ok_or_else(|| damaged(format!("audience `{key}`"), "it is gone"))?;
        if members != 0 {
            found.push((key.into(), uint(members)?));
        }
    }
    Ok(found)
}

/// How many members an audience has.
pub(crate) fn count(connection: &Connection, key: &str) -> Result<u64> {
    Ok(audience(connection, key)?.map_or(Ok(0), |(_, members)| uint(members))?)
}

/// Calls `visit` with audience, profile and time of every membership.
pub(crate) fn each(
    connection: &Connection,
    mut visit: impl FnMut(Result<(&str, ProfileId, i64)>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare(
        "SELECT m.audience_no, m.profile, m.since, m.crc, a.key
         FROM membership m LEFT JOIN audience a ON a.no = m.audience_no",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (no, since): (i64, i64) = (row.get(0)?, row.get(2)?);
        let profile = row.get_ref(1)?.as_blob()?;
        let key = row.get_ref(4)?.as_str_or_null()?;
        let told = match key {
            None => Err(damaged(format!("audience number {no}"), "it is gone")),
            Some(key) => verify(sum(no, profile, since), row.get(3)?, || format!("a membership in `{key}`"))
                .and_then(|()| Ok((key, profile_id(profile)?, since))),
        };
        visit(told)?;
    }
    Ok(())
}
