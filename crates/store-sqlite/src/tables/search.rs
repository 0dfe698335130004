//! Search terms: profiles by a trait's normalised value.

use ledger::ProfileId;
use rusqlite::Connection;
use store::Page;

use super::page;
use crate::{
    checksum::Sum,
    codec::{limit as bound, profile_id},
    cursor::List,
    fault::{Result, verify},
};

fn sum(key: &str, value: &str, profile: &[u8]) -> i64 {
    Sum::of("search").text(key).text(value).bytes(profile).end()
}

pub(crate) fn add(connection: &Connection, key: &str, value: &str, profile: ProfileId) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO search (trait, value, profile, crc) VALUES (?1, ?2, ?3, ?4)")?
        .execute((key, value, profile.0, sum(key, value, &profile.0)))?;
    Ok(())
}

pub(crate) fn remove(connection: &Connection, key: &str, value: &str, profile: ProfileId) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM search WHERE trait = ?1 AND value = ?2 AND profile = ?3")?
        .execute((key, value, profile.0))?;
    Ok(())
}

pub(crate) fn remove_all(connection: &Connection, profile: ProfileId) -> Result<()> {
    connection.prepare_cached("DELETE FROM search WHERE profile = ?1")?.execute([profile.0])?;
    Ok(())
}

pub(crate) fn find(
    connection: &Connection,
    list: List,
    key: &str,
    value: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<ProfileId>> {
    let mut statement = connection.prepare_cached(
        "SELECT profile, crc FROM search WHERE trait = ?1 AND value = ?2 AND profile > ?3
         ORDER BY profile LIMIT ?4",
    )?;
    let mut rows =
        statement.query((key, value, after.unwrap_or_default(), bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let profile = profile_id(row.get_ref(0)?.as_blob()?)?;
        verify(sum(key, value, &profile.0), row.get(1)?, || format!("search term of profile {profile}"))?;
        found.push(profile);
    }
    Ok(page(found, limit, |last| list.at(&last.0)))
}

/// Calls `visit` with every term.
pub(crate) fn each(
    connection: &Connection,
    mut visit: impl FnMut(Result<(&str, &str, ProfileId)>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare("SELECT trait, value, profile, crc FROM search")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str()?;
        let value = row.get_ref(1)?.as_str()?;
        let profile = row.get_ref(2)?.as_blob()?;
        let told = verify(sum(key, value, profile), row.get(3)?, || "a search term".to_owned())
            .and_then(|()| Ok((key, value, profile_id(profile)?)));
        visit(told)?;
    }
    Ok(())
}
