//! The list of erasures: streams whose bodies are gone for good.

use jiff::Timestamp;
use ledger::ProfileId;
use store::{
    Stream,
    encoding::{StreamKey, Sum, limit as bound, micros, stream, stream_name, verify},
};
use tokio_postgres::Row;

use crate::{fault::Result, session::Session};

fn sum(key: &[u8], at: i64, pending: bool) -> i64 {
    Sum::of("erasure").bytes(key).int(at).int(i64::from(pending)).end()
}

/// Notes an erasure. `pending`: brought back by a restore; the caller of the store has to erase it again.
pub(crate) async fn put(session: &Session, of: Stream, at: Timestamp, pending: bool) -> Result<()> {
    let key = StreamKey::new(of);
    let at = micros(at);
    session
        .execute(
            "INSERT INTO erasure (stream, at, pending, crc) VALUES ($1, $2, $3, $4)
             ON CONFLICT (stream) DO UPDATE
             SET at = excluded.at, pending = excluded.pending, crc = excluded.crc",
            &[&key.bytes(), &at, &pending, &sum(key.bytes(), at, pending)],
        )
        .await?;
    Ok(())
}

fn verified(row: &Row) -> Result<(Stream, i64, bool)> {
    let key: &[u8] = row.try_get(0)?;
    let (at, pending) = (row.try_get(1)?, row.try_get(2)?);
    let of = stream(key)?;
    verify(sum(key, at, pending), row.try_get(3)?, || format!("the erasure of {}", stream_name(of)))?;
    Ok((of, at, pending))
}

/// Every erased stream, when, and whether it is pending.
pub(crate) async fn list(session: &Session) -> Result<Vec<(Stream, i64, bool)>> {
    let rows = session.query("SELECT stream, at, pending, crc FROM erasure ORDER BY stream", &[]).await?;
    rows.iter().map(verified).collect()
}

/// By stream, some of them.
pub(crate) async fn some(session: &Session, skip: i64, limit: usize) -> Result<Vec<(Stream, i64, bool)>> {
    let sql = "SELECT stream, at, pending, crc FROM erasure ORDER BY stream LIMIT $2 OFFSET $1";
    session.query(sql, &[&skip, &bound(limit)]).await?.iter().map(verified).collect()
}

/// The profiles that are pending.
pub(crate) async fn pending(session: &Session) -> Result<Vec<ProfileId>> {
    Ok(list(session)
        .await?
        .into_iter()
        .filter_map(|(of, _, pending)| match of {
            Stream::Profile(id) if pending => Some(id),
            _ => None,
        })
        .collect())
}
