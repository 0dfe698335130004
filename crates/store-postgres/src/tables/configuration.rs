//! Objects, revisions and promotions. They are written under the exclusive lock, so numbers are drawn by
//! looking at the last.

use std::collections::HashMap;

use store::{
    ObjectRow, PromotionRow, RevisionRow,
    encoding::{Sum, array, hex, int, limit as bound, micros, time, uint, verify},
};
use tokio_postgres::Row;

use super::each_row;
use crate::{fault::Result, session::Session};

fn object_sum(hash: &[u8], canonical: &str) -> i64 {
    Sum::of("object").bytes(hash).text(canonical).end()
}

/// Keeps objects; one that is there stays.
pub(crate) async fn put_objects(session: &Session, rows: &[ObjectRow]) -> Result<()> {
    let hash: Vec<&[u8]> = rows.iter().map(|row| row.hash.as_slice()).collect();
    let canonical: Vec<&str> = rows.iter().map(|row| row.canonical.as_ref()).collect();
    let crc: Vec<i64> = rows.iter().map(|row| object_sum(&row.hash, &row.canonical)).collect();
    session
        .execute(
            "INSERT INTO object (hash, canonical, crc) SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[])
             ON CONFLICT (hash) DO NOTHING",
            &[&hash, &canonical, &crc],
        )
        .await?;
    Ok(())
}

fn verified_object(row: &Row) -> Result<ObjectRow> {
    let (hash, canonical): (&[u8], &str) = (row.try_get(0)?, row.try_get(1)?);
    verify(object_sum(hash, canonical), row.try_get(2)?, || format!("object {}", hex(hash)))?;
    Ok(ObjectRow { hash: array(hash)?, canonical: canonical.into() })
}

/// Finds objects, in order.
pub(crate) async fn objects(session: &Session, hashes: &[[u8; 32]]) -> Result<Vec<Option<ObjectRow>>> {
    let asked: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let rows =
        session.query("SELECT hash, canonical, crc FROM object WHERE hash = ANY($1)", &[&asked]).await?;
    let mut found = HashMap::new();
    for row in &rows {
        let row = verified_object(row)?;
        found.insert(row.hash, row);
    }
    Ok(hashes.iter().map(|hash| found.get(hash).cloned()).collect())
}

/// By hash, some of them.
pub(crate) async fn objects_from(session: &Session, skip: i64, limit: usize) -> Result<Vec<ObjectRow>> {
    let sql = "SELECT hash, canonical, crc FROM object ORDER BY hash LIMIT $2 OFFSET $1";
    session.query(sql, &[&skip, &bound(limit)]).await?.iter().map(verified_object).collect()
}

fn revision_sum(row: &RevisionRow) -> i64 {
    Sum::of("revision")
        .bytes(&row.id)
        .bytes(&row.manifest)
        .text(&row.canonical)
        .int(micros(row.made_at))
        .end()
}

/// A row of `no, id, manifest, canonical, made_at, crc`, verified.
fn verified_revision(row: &Row) -> Result<(i64, RevisionRow)> {
    let found = RevisionRow {
        id: array(row.try_get(1)?)?,
        manifest: array(row.try_get(2)?)?,
        canonical: row.try_get::<_, &str>(3)?.into(),
        made_at: time(row.try_get(4)?)?,
    };
    verify(revision_sum(&found), row.try_get(5)?, || format!("revision {}", hex(&found.id)))?;
    Ok((row.try_get(0)?, found))
}

/// Keeps a revision; one that is there stays.
pub(crate) async fn put_revision(session: &Session, row: &RevisionRow) -> Result<()> {
    session
        .execute(
            "INSERT INTO revision (no, id, manifest, canonical, made_at, crc)
             SELECT coalesce(max(no), 0) + 1, $1, $2, $3, $4, $5 FROM revision
             ON CONFLICT (id) DO NOTHING",
            &[
                &row.id.as_slice(),
                &row.manifest.as_slice(),
                &row.canonical.as_ref(),
                &micros(row.made_at),
                &revision_sum(row),
            ],
        )
        .await?;
    Ok(())
}

pub(crate) async fn revision(session: &Session, id: &[u8; 32]) -> Result<Option<RevisionRow>> {
    let sql = "SELECT no, id, manifest, canonical, made_at, crc FROM revision WHERE id = $1";
    let row = session.query_opt(sql, &[&id.as_slice()]).await?;
    row.as_ref().map(|row| verified_revision(row).map(|(_, found)| found)).transpose()
}

/// Oldest first, after a number; with their numbers.
pub(crate) async fn revisions_after(
    session: &Session,
    no: i64,
    limit: usize,
) -> Result<Vec<(i64, RevisionRow)>> {
    let sql =
        "SELECT no, id, manifest, canonical, made_at, crc FROM revision WHERE no > $1 ORDER BY no LIMIT $2";
    session.query(sql, &[&no, &bound(limit)]).await?.iter().map(verified_revision).collect()
}

/// Newest first. One more than `limit`.
pub(crate) async fn revisions(
    session: &Session,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<(i64, RevisionRow)>> {
    let rows = session
        .query(
            "SELECT no, id, manifest, canonical, made_at, crc FROM revision WHERE no < $1 ORDER BY no DESC LIMIT $2",
            &[&before.unwrap_or(i64::MAX), &bound(limit.saturating_add(1))],
        )
        .await?;
    rows.iter().map(verified_revision).collect()
}

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

/// A row of `no, epoch, source, source_manifest, source_revision, digest, plan, actor, at, crc`, verified.
fn verified_promotion(row: &Row) -> Result<(i64, PromotionRow)> {
    let revision: Option<&[u8]> = row.try_get(4)?;
    let found = PromotionRow {
        epoch: uint(row.try_get(1)?)?,
        source: row.try_get(2)?,
        source_manifest: array(row.try_get(3)?)?,
        source_revision: revision.map(array).transpose()?,
        digest: row.try_get(5)?,
        plan: row.try_get::<_, &str>(6)?.into(),
        actor: row.try_get(7)?,
        at: time(row.try_get(8)?)?,
    };
    verify(promotion_sum(&found), row.try_get(9)?, || format!("the promotion at epoch {}", found.epoch))?;
    Ok((row.try_get(0)?, found))
}

pub(crate) async fn put_promotion(session: &Session, row: &PromotionRow) -> Result<()> {
    session
        .execute(
            "INSERT INTO promotion
                 (no, epoch, source, source_manifest, source_revision, digest, plan, actor, at, crc)
             SELECT coalesce(max(no), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM promotion",
            &[
                &int(row.epoch),
                &row.source,
                &row.source_manifest.as_slice(),
                &row.source_revision.as_ref().map(<[u8; 32]>::as_slice),
                &row.digest,
                &row.plan.as_ref(),
                &row.actor,
                &micros(row.at),
                &promotion_sum(row),
            ],
        )
        .await?;
    Ok(())
}

/// Oldest first, after a number; with their numbers.
pub(crate) async fn promotions_after(
    session: &Session,
    no: i64,
    limit: usize,
) -> Result<Vec<(i64, PromotionRow)>> {
    let sql = "SELECT no, epoch, source, source_manifest, source_revision, digest, plan, actor, at, crc
               FROM promotion WHERE no > $1 ORDER BY no LIMIT $2";
    session.query(sql, &[&no, &bound(limit)]).await?.iter().map(verified_promotion).collect()
}

/// Newest first. One more than `limit`.
pub(crate) async fn promotions(
    session: &Session,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<(i64, PromotionRow)>> {
    let rows = session
        .query(
            "SELECT no, epoch, source, source_manifest, source_revision, digest, plan, actor, at, crc
             FROM promotion WHERE no < $1 ORDER BY no DESC LIMIT $2",
            &[&before.unwrap_or(i64::MAX), &bound(limit.saturating_add(1))],
        )
        .await?;
    rows.iter().map(verified_promotion).collect()
}

/// Reads every object, revision and promotion.
pub(crate) async fn read_through(
    session: &Session,
    mut visit: impl FnMut(Result<()>) -> Result<()> + Send,
) -> Result<()> {
    let sql = "SELECT hash, canonical, crc FROM object";
    each_row(session, sql, &[], |row| visit(verified_object(row).map(|_| ()))).await?;
    let sql = "SELECT no, id, manifest, canonical, made_at, crc FROM revision";
    each_row(session, sql, &[], |row| visit(verified_revision(row).map(|_| ()))).await?;
    let sql = "SELECT no, epoch, source, source_manifest, source_revision, digest, plan, actor, at, crc FROM promotion";
    each_row(session, sql, &[], |row| visit(verified_promotion(row).map(|_| ()))).await
}
