//! The directory: from keyed hashes to records and profiles.

use rusqlite::Connection;
use store::{Claim, DirectoryEntry, DirectoryKey};

use crate::{
    codec::{array, directory_key, pack_entry, unpack_entry},
    fault::{Fault, Result},
    recent,
    tables::claimed,
};

pub(crate) fn find(connection: &Connection, key: DirectoryKey) -> Result<Option<DirectoryEntry>> {
    let packed = directory_key(key);
    let mut statement = connection.prepare_cached("SELECT entry FROM directory WHERE key = ?1")?;
    let mut rows = statement.query([packed])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(unpack_entry(&packed, row.get_ref(0)?.as_blob()?)?))
}

/// Makes a claim; false when the key does not lead where it should.
pub(crate) fn claim(connection: &Connection, claim: &Claim) -> Result<bool> {
    let key = directory_key(claim.key);
    let entry = pack_entry(&key, claim.entry);
    if claim.expected.is_none() {
        let inserted = connection
            .prepare_cached("INSERT INTO directory (key, entry) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute((key, entry))?;
        return Ok(inserted == 1);
    }
    if find(connection, claim.key)? != claim.expected {
        return Ok(false);
    }
    connection.prepare_cached("UPDATE directory SET entry = ?2 WHERE key = ?1")?.execute((key, entry))?;
    Ok(true)
}

/// Writes an entry whatever was there.
pub(crate) fn put(connection: &Connection, key: &[u8; 17], entry: DirectoryEntry) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO directory (key, entry) VALUES (?1, ?2)")?
        .execute((key, pack_entry(key, entry)))?;
    Ok(())
}

pub(crate) fn forget(connection: &Connection, key: DirectoryKey) -> Result<()> {
    connection.prepare_cached("DELETE FROM directory WHERE key = ?1")?.execute([directory_key(key)])?;
    Ok(())
}

/// Calls `visit` with every key, as stored, and its entry, also of those that were claimed lately.
pub(crate) fn each(
    connection: &Connection,
    mut visit: impl FnMut(Result<([u8; 17], DirectoryEntry)>) -> Result<()>,
) -> Result<()> {
    let recent = recent::all(connection)?;
    recent.iter().try_for_each(|(key, entry)| visit(Ok((*key, *entry))))?;
    written(connection, |told| match &told {
        Ok((key, _)) if recent.contains_key(key) => Ok(()),
        _ => visit(told),
    })
}

/// Verifies every entry, also of those that were claimed lately.
pub(crate) fn verify(connection: &Connection, mut hear: impl FnMut(Result<()>)) -> Result<()> {
    hear(claimed::each(connection, |_, _, _| {}));
    written(connection, |told| {
        hear(told.map(|_| ()));
        Ok(())
    })
}

/// Calls `visit` with what stands in the directory itself.
fn written(
    connection: &Connection,
    mut visit: impl FnMut(Result<([u8; 17], DirectoryEntry)>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare("SELECT key, entry FROM directory")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob().map_err(Fault::from).and_then(|key| Ok(array(key)?));
        visit(match (key, row.get_ref(1)?.as_blob()) {
            (Ok(key), Ok(entry)) => unpack_entry(&key, entry).map(|entry| (key, entry)).map_err(Into::into),
            (Err(fault), _) => Err(fault),
            (_, Err(error)) => Err(error.into()),
        })?;
    }
    Ok(())
}
