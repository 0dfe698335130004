//! Profile rows, and the manifests they were decided under.

use std::collections::BTreeMap;

use ledger::ProfileId;
use rusqlite::{Connection, OptionalExtension, Row};
use store::{NO_MANIFEST, Page, ProfileRow};

use super::{page, streams::Tail};
use crate::{
    checksum::Sum,
    codec::{array, int, limit as bound, micros, opt_time, profile_id, uint},
    cursor::List,
    fault::{Result, damaged, verify},
};

const SELECT: &str =
    "SELECT p.no, p.id, p.n, p.tail_seq, p.manifest_no, p.due_at, p.crc, p.tail, p.state, m.hash
     FROM profile p LEFT JOIN manifest m ON m.no = p.manifest_no";

/// A profile's row as it stands, verified.
pub(crate) struct Found {
    pub(crate) no: i64,
    pub(crate) tail_seq: i64,
    pub(crate) manifest_no: i64,
    pub(crate) row: ProfileRow,
}

impl Found {
    pub(crate) fn tail(&self) -> Tail {
        Tail { n: self.row.n, seq: self.tail_seq }
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            no: self.no,
            tail: self.tail(),
            mark: self.row.tail().mark(),
            manifest_no: self.manifest_no,
            due: self.row.due_at.map(micros),
        }
    }
}

/// Where a profile stands: as much of its row as writing over it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) no: i64,
    pub(crate) tail: Tail,
    /// Of its history, see [`store::Tail::mark`].
    mark: i64,
    manifest_no: i64,
    due: Option<i64>,
}

impl Place {
    /// Whether it is what was decided from.
    pub(crate) fn is(&self, from: &store::Tail) -> bool {
        self.tail.n == from.n && self.mark == from.mark()
    }
}

fn sum(row: &ProfileRow, tail_seq: i64) -> i64 {
    Sum::of("profile")
        .bytes(&row.id.0)
        .int(int(row.n))
        .int(tail_seq)
        .bytes(&row.tail)
        .bytes(&row.manifest)
        .opt_int(row.due_at.map(micros))
        .bytes(&row.state)
        .end()
}

fn verified(row: &Row<'_>) -> Result<Found> {
    let blob = |at: usize| -> Result<&[u8]> { Ok(row.get_ref(at)?.as_blob()?) };
    let id = profile_id(blob(1)?)?;
    let manifest = row
        .get_ref(9)?
        .as_blob_or_null()?
        .ok_or_else(|| damaged(format!("profile {id}"), "its manifest is gone"))?;
    let found = Found {
        no: row.get(0)?,
        tail_seq: row.get(3)?,
        manifest_no: row.get(4)?,
        row: ProfileRow {
            id,
            n: uint(row.get(2)?)?,
            tail: array(blob(7)?)?,
            state: blob(8)?.into(),
            manifest: array(manifest)?,
            due_at: opt_time(row.get(5)?)?,
        },
    };
    verify(sum(&found.row, found.tail_seq), row.get(6)?, || format!("profile {id}"))?;
    Ok(found)
}

pub(crate) fn find(connection: &Connection, id: ProfileId) -> Result<Option<Found>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE p.id = ?1"))?;
    let mut rows = statement.query([id.0])?;
    let found = rows.next()?.map(verified).transpose()?;
    match &found {
        Some(found) if found.row.id != id => {
            Err(damaged(format!("profile {id}"), "another stands in its place"))
        }
        _ => Ok(found),
    }
}

pub(crate) fn list(
    connection: &Connection,
    list: List,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<ProfileRow>> {
    let mut statement =
        connection.prepare_cached(&format!("{SELECT} WHERE p.id > ?1 ORDER BY p.id LIMIT ?2"))?;
    let mut rows = statement.query((after.unwrap_or_default(), bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified(row)?.row);
    }
    Ok(page(found, limit, |last| list.at(&last.id.0)))
}

/// Calls `visit` for every row, in no particular order.
pub(crate) fn each(
    connection: &Connection,
    mut visit: impl FnMut(Result<Found>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare(SELECT)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(verified(row))?;
    }
    Ok(())
}

/// How many records there are, as the rows say, which are not verified.
pub(crate) fn records(connection: &Connection) -> Result<u64> {
    let sum = connection.query_row("SELECT coalesce(sum(n), 0) FROM profile", [], |row| row.get(0))?;
    Ok(uint(sum)?)
}

/// Calls `visit` for the rows from `no` on, in the order of their numbers, until it has enough (answers false).
pub(crate) fn each_from(
    connection: &Connection,
    no: i64,
    mut visit: impl FnMut(Found) -> Result<bool>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE p.no >= ?1 ORDER BY p.no"))?;
    let mut rows = statement.query([no])?;
    while let Some(row) = rows.next()? {
        if !visit(verified(row)?)? {
            break;
        }
    }
    Ok(())
}

/// How many profiles stand at which manifest: changes gathered over a commit, written once.
#[derive(Default)]
pub(crate) struct Counts {
    changes: BTreeMap<i64, i64>,
    /// The manifest of the row before, nearly always that of the next one too.
    last: Option<([u8; 32], i64)>,
}

impl Counts {
    pub(crate) fn write(&self, connection: &Connection) -> Result<()> {
        for (no, change) in self.changes.iter().filter(|(_, change)| **change != 0) {
            let (hash, profiles) = manifest(connection, *no)?;
            let profiles = profiles + change;
            connection
                .prepare_cached("UPDATE manifest SET profiles = ?2, crc = ?3 WHERE no = ?1")?
                .execute((no, profiles, manifest_sum(*no, &hash, profiles)))?;
        }
        Ok(())
    }

    fn number(&mut self, connection: &Connection, hash: &[u8; 32]) -> Result<i64> {
        if let Some((_, no)) = self.last.filter(|(last, _)| last == hash) {
            return Ok(no);
        }
        let no = manifest_no(connection, hash)?;
        self.last = Some((*hash, no));
        Ok(no)
    }
}

/// Writes a row over `old`, or a new one. Says where it stands now.
pub(crate) fn write(
    connection: &Connection,
    old: Option<Place>,
    row: &ProfileRow,
    tail_seq: i64,
    counts: &mut Counts,
) -> Result<Place> {
    let (n, due, crc) = (int(row.n), row.due_at.map(micros), sum(row, tail_seq));
    let manifest_no = counts.number(connection, &row.manifest)?;
    let (tail, mark) = (Tail { n: row.n, seq: tail_seq }, row.tail().mark());
    let place = |no| Place { no, tail, mark, manifest_no, due };
    let Some(old) = old else {
        *counts.changes.entry(manifest_no).or_default() += 1;
        connection
            .prepare_cached(
                "INSERT INTO profile (id, n, tail_seq, manifest_no, due_at, crc, tail, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((row.id.0, n, tail_seq, manifest_no, due, crc, row.tail, &row.state[..]))?;
        return Ok(place(connection.last_insert_rowid()));
    };
    let written = if old.manifest_no == manifest_no && old.due == due {
        // Most writes: the columns that indexes stand on are left alone.
        connection
            .prepare_cached(
                "UPDATE profile SET n = ?2, tail_seq = ?3, crc = ?4, tail = ?5, state = ?6 WHERE no = ?1",
            )?
            .execute((old.no, n, tail_seq, crc, row.tail, &row.state[..]))?
    } else {
        *counts.changes.entry(old.manifest_no).or_default() -= 1;
        *counts.changes.entry(manifest_no).or_default() += 1;
        connection
            .prepare_cached(
                "UPDATE profile SET n = ?2, tail_seq = ?3, manifest_no = ?4, due_at = ?5, crc = ?6, tail = ?7,
                        state = ?8
                 WHERE no = ?1",
            )?
            .execute((old.no, n, tail_seq, manifest_no, due, crc, row.tail, &row.state[..]))?
    };
    if written != 1 {
        return Err(damaged(format!("profile {}", row.id), "its row is gone"));
    }
    Ok(place(old.no))
}

// ---- manifests ---------------------------------------------------------------------------------------------

fn manifest_sum(no: i64, hash: &[u8], profiles: i64) -> i64 {
    Sum::of("manifest").int(no).bytes(hash).int(profiles).end()
}

fn manifest(connection: &Connection, no: i64) -> Result<([u8; 32], i64)> {
    let what = || format!("manifest number {no}");
    let (hash, profiles, crc): (Vec<u8>, i64, i64) = connection
        .prepare_cached("SELECT hash, profiles, crc FROM manifest WHERE no = ?1")?
        .query_row([no], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or_else(|| damaged(what(), "it is gone"))?;
    verify(manifest_sum(no, &hash, profiles), crc, what)?;
    Ok((array(&hash)?, profiles))
}

fn manifest_no(connection: &Connection, hash: &[u8; 32]) -> Result<i64> {
    let known: Option<i64> = connection
        .prepare_cached("SELECT no FROM manifest WHERE hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    if let Some(no) = known {
        return Ok(no);
    }
    let no: i64 =
        connection.query_row("SELECT coalesce(max(no), 0) + 1 FROM manifest", [], |row| row.get(0))?;
    connection.execute(
        "INSERT INTO manifest (no, hash, profiles, crc) VALUES (?1, ?2, 0, ?3)",
        (no, hash, manifest_sum(no, hash, 0)),
    )?;
    Ok(no)
}

/// Every manifest that profiles stand at: number, hash, how many.
fn manifests(connection: &Connection) -> Result<Vec<(i64, [u8; 32], i64)>> {
    let mut statement = connection.prepare_cached("SELECT no FROM manifest ORDER BY no")?;
    let numbers = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for no in numbers {
        let (hash, profiles) = manifest(connection, no)?;
        if profiles != 0 {
            found.push((no, hash, profiles));
        }
    }
    Ok(found)
}

/// Profiles last decided under another manifest.
pub(crate) fn behind(connection: &Connection, hash: &[u8; 32], limit: usize) -> Result<Vec<ProfileId>> {
    let mut found = Vec::new();
    for (no, _, _) in manifests(connection)?.iter().filter(|(_, of, _)| of != hash && *of != NO_MANIFEST) {
        let mut statement =
            connection.prepare_cached("SELECT id FROM profile WHERE manifest_no = ?1 LIMIT ?2")?;
        let mut rows = statement.query((no, bound(limit - found.len())))?;
        while let Some(row) = rows.next()? {
            found.push(profile_id(row.get_ref(0)?.as_blob()?)?);
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// How many those are, and how many profiles there are.
pub(crate) fn behind_count(connection: &Connection, hash: &[u8; 32]) -> Result<(u64, u64)> {
    let (mut behind, mut all) = (0, 0);
    for (_, of, profiles) in manifests(connection)? {
        all += profiles;
        if of != *hash && of != NO_MANIFEST {
            behind += profiles;
        }
    }
    Ok((uint(behind)?, uint(all)?))
}

/// For every manifest: its hash, how many profiles are said to stand at it, and how many do.
pub(crate) fn counted(connection: &Connection) -> Result<Vec<([u8; 32], i64, i64)>> {
    let mut found = Vec::new();
    for (no, hash, said) in manifests(connection)? {
        let count: i64 = connection
            .prepare_cached("SELECT count(*) FROM profile WHERE manifest_no = ?1")?
            .query_row([no], |row| row.get(0))?;
        found.push((hash, said, count));
    }
    Ok(found)
}
