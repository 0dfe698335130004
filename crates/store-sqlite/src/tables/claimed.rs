//! Directory keys claimed lately: a commit's in one row, until they are carried over into the directory.

use rusqlite::Connection;
use store::DirectoryEntry;

use crate::{
    checksum::Sum,
    codec::{pack_entry, unpack_entry},
    fault::{Result, damaged, verify},
};

/// A directory key as it is stored.
pub(crate) type Key = [u8; 17];

fn sum(no: i64, entries: &[u8]) -> i64 {
    Sum::of("claimed").int(no).bytes(entries).end()
}

/// Writes what a commit claimed.
pub(crate) fn append(connection: &Connection, no: i64, claims: &[(Key, DirectoryEntry)]) -> Result<()> {
    let mut entries = Vec::with_capacity(claims.len() * 48);
    for (key, entry) in claims {
        let packed = pack_entry(key, *entry);
        entries.extend_from_slice(key);
        // Packed entries have at most 29 bytes.
        entries.push(u8::try_from(packed.len()).unwrap_or(u8::MAX));
        entries.extend_from_slice(&packed);
    }
    connection.prepare_cached("INSERT INTO claimed (no, entries, crc) VALUES (?1, ?2, ?3)")?.execute((
        no,
        &entries,
        sum(no, &entries),
    ))?;
    Ok(())
}

/// Calls `visit` for every claim with its row's number, oldest first. Of two of one key the later counts.
pub(crate) fn each(connection: &Connection, mut visit: impl FnMut(i64, Key, DirectoryEntry)) -> Result<()> {
    let mut statement = connection.prepare_cached("SELECT no, entries, crc FROM claimed ORDER BY no")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let no: i64 = row.get(0)?;
        let what = || format!("row {no} of the keys claimed lately");
        let mut entries = row.get_ref(1)?.as_blob()?;
        verify(sum(no, entries), row.get(2)?, what)?;
        while !entries.is_empty() {
            let (key, entry, rest) =
                split(entries).ok_or_else(|| damaged(what(), "it ends within an entry"))?;
            visit(no, *key, unpack_entry(key, entry)?);
            entries = rest;
        }
    }
    Ok(())
}

/// Key, packed entry, and what follows.
fn split(entries: &[u8]) -> Option<(&Key, &[u8], &[u8])> {
    let (key, rest) = entries.split_first_chunk::<17>()?;
    let (length, rest) = rest.split_first()?;
    let (entry, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((key, entry, rest))
}

/// Takes away the rows before `no`: all that they say stands in the directory.
pub(crate) fn carried_over(connection: &Connection, no: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM claimed WHERE no < ?1")?.execute([no])?;
    Ok(())
}
