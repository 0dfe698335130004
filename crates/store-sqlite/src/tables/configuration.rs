//! Objects, revisions and promotions.

use rusqlite::{Connection, OptionalExtension, Row};
use store::{ObjectRow, Page, PromotionRow, RevisionRow};

use super::page;
use crate::{
    checksum::Sum,
    codec::{array, hex, int, limit as bound, micros, time, uint},
    cursor::List,
    fault::{Result, verify},
};

fn object_sum(hash: &[u8], canonical: &str) -> i64 {
    Sum::of("object").bytes(hash).text(canonical).end()
}

/// Keeps an object; one that is there stays.
pub(crate) fn put_object(connection: &Connection, row: &ObjectRow) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO object (hash, canonical, crc) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute((row.hash, row.canonical.as_ref(), object_sum(&row.hash, &row.canonical)))?;
    Ok(())
}

pub(crate) fn object(connection: &Connection, hash: &[u8; 32]) -> Result<Option<ObjectRow>> {
    let row: Option<(String, i64)> = connection
        .prepare_cached("SELECT canonical, crc FROM object WHERE hash = ?1")?
        .query_row([hash], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((canonical, crc)) = row else { return Ok(None) };
    verify(object_sum(hash, &canonical), crc, || format!("object {}", hex(hash)))?;
    Ok(Some(ObjectRow { hash: *hash, canonical: canonical.into() }))
}

const REVISION: &str = "SELECT no, id, manifest, canonical, made_at, crc FROM revision";

fn revision_sum(row: &RevisionRow) -> i64 {
    Sum::of("revision")
        .bytes(&row.id)
        .bytes(&row.manifest)
        .text(&row.canonical)
        .int(micros(row.made_at))
        .end()
}

fn verified_revision(row: &Row<'_>) -> Result<(i64, RevisionRow)> {
    let found = RevisionRow {
        id: array(&row.get::<_, Vec<u8>>(1)?)?,
        manifest: array(&row.get::<_, Vec<u8>>(2)?)?,
        canonical: row.get::<_, String>(3)?.into(),
        made_at: time(row.get(4)?)?,
    };
    verify(revision_sum(&found), row.get(5)?, || format!("revision {}", hex(&found.id)))?;
    Ok((row.get(0)?, found))
}

/// Keeps a revision; one that is there stays.
pub(crate) fn put_revision(connection: &Connection, row: &RevisionRow) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO revision (id, manifest, canonical, made_at, crc) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        )?
        .execute((row.id, row.manifest, row.canonical.as_ref(), micros(row.made_at), revision_sum(row)))?;
    Ok(())
}

pub(crate) fn revision(connection: &Connection, id: &[u8; 32]) -> Result<Option<RevisionRow>> {
    let mut statement = connection.prepare_cached(&format!("{REVISION} WHERE id = ?1"))?;
    let mut rows = statement.query([id])?;
    rows.next()?.map(|row| verified_revision(row).map(|(_, found)| found)).transpose()
}

/// Oldest first, after a number; with their numbers.
pub(crate) fn revisions_after(
    connection: &Connection,
    no: i64,
    limit: usize,
) -> Result<Vec<(i64, RevisionRow)>> {
    let mut statement =
        connection.prepare_cached(&format!("{REVISION} WHERE no > ?1 ORDER BY no LIMIT ?2"))?;
    let mut rows = statement.query((no, bound(limit)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified_revision(row)?);
    }
    Ok(found)
}

/// Newest first.
pub(crate) fn revisions(
    connection: &Connection,
    list: List,
    after: Option<[i64; 1]>,
    limit: usize,
) -> Result<Page<RevisionRow>> {
    let [before] = after.unwrap_or([i64::MAX]);
    let mut statement =
        connection.prepare_cached(&format!("{REVISION} WHERE no < ?1 ORDER BY no DESC LIMIT ?2"))?;
    let mut rows = statement.query((before, bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified_revision(row)?);
    }
    let page = page(found, limit, |(no, _)| list.at_numbers([*no]));
    Ok(Page { rows: page.rows.into_iter().map(|(_, row)| row).collect(), next: page.next })
}

const PROMOTION: &str =
    "SELECT no, epoch, source, source_manifest, source_revision, digest, plan, actor, at, crc FROM promotion";

fn promotion_sum(row: &PromotionRow) -> i64 {
    Sum::of("promotion")
        .int(int(row.epoch))
        .text(&row.source)
        .bytes(&row.source_manifest)
        .opt_bytes(row.source_revision.as_ref().map(<[u8; 32]>::as_slice))
        .text(&row.digest)
        .text(&row.plan)
        .text(&row.actor)
        .int(micros(row.at))
        .end()
}

fn verified_promotion(row: &Row<'_>) -> Result<(i64, PromotionRow)> {
    let revision: Option<Vec<u8>> = row.get(4)?;
    let found = PromotionRow {
        epoch: uint(row.get(1)?)?,
        source: row.get(2)?,
        source_manifest: array(&row.get::<_, Vec<u8>>(3)?)?,
        source_revision: revision.map(|revision| array(&revision)).transpose()?,
        digest: row.get(5)?,
        plan: row.get::<_, String>(6)?.into(),
        actor: row.get(7)?,
        at: time(row.get(8)?)?,
    };
    verify(promotion_sum(&found), row.get(9)?, || format!("the promotion at epoch {}", found.epoch))?;
    Ok((row.get(0)?, found))
}

pub(crate) fn put_promotion(connection: &Connection, row: &PromotionRow) -> Result<()> {
    connection.execute(
        "INSERT INTO promotion (epoch, source, source_manifest, source_revision, digest, plan, actor, at, crc)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            int(row.epoch),
            &row.source,
            row.source_manifest,
            row.source_revision,
            &row.digest,
            row.plan.as_ref(),
            &row.actor,
            micros(row.at),
            promotion_sum(row),
        ),
    )?;
    Ok(())
}

/// Oldest first, after a number; with their numbers.
pub(crate) fn promotions_after(
    connection: &Connection,
    no: i64,
    limit: usize,
) -> Result<Vec<(i64, PromotionRow)>> {
    let mut statement =
        connection.prepare_cached(&format!("{PROMOTION} WHERE no > ?1 ORDER BY no LIMIT ?2"))?;
    let mut rows = statement.query((no, bound(limit)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified_promotion(row)?);
    }
    Ok(found)
}

/// Newest first.
pub(crate) fn promotions(
    connection: &Connection,
    list: List,
    after: Option<[i64; 1]>,
    limit: usize,
) -> Result<Page<PromotionRow>> {
    let [before] = after.unwrap_or([i64::MAX]);
    let mut statement =
        connection.prepare_cached(&format!("{PROMOTION} WHERE no < ?1 ORDER BY no DESC LIMIT ?2"))?;
    let mut rows = statement.query((before, bound(limit.saturating_add(1))))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(verified_promotion(row)?);
    }
    let page = page(found, limit, |(no, _)| list.at_numbers([*no]));
    Ok(Page { rows: page.rows.into_iter().map(|(_, row)| row).collect(), next: page.next })
}

/// By hash, some of them.
pub(crate) fn objects_from(connection: &Connection, skip: i64, limit: usize) -> Result<Vec<ObjectRow>> {
    let mut statement = connection
        .prepare_cached("SELECT hash, canonical, crc FROM object ORDER BY hash LIMIT ?2 OFFSET ?1")?;
    let mut rows = statement.query((skip, bound(limit)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (hash, canonical) = (array(row.get_ref(0)?.as_blob()?)?, row.get_ref(1)?.as_str()?);
        verify(object_sum(&hash, canonical), row.get(2)?, || format!("object {}", hex(&hash)))?;
        found.push(ObjectRow { hash, canonical: canonical.into() });
    }
    Ok(found)
}

/// Calls `visit` for every object.
pub(crate) fn each_object(
    connection: &Connection,
    mut visit: impl FnMut(Result<()>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare("SELECT hash FROM object")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let told = array(&row.get::<_, Vec<u8>>(0)?)
            .map_err(Into::into)
            .and_then(|hash| object(connection, &hash))
            .map(|_| ());
        visit(told)?;
    }
    Ok(())
}

/// Reads every revision and promotion.
pub(crate) fn read_through(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare(REVISION)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        verified_revision(row)?;
    }
    let mut statement = connection.prepare(PROMOTION)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        verified_promotion(row)?;
    }
    Ok(())
}
