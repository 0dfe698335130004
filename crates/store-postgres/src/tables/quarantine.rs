//! What stands in quarantine.

use store::{
    QuarantineRow,
    encoding::{Sum, array, hex, limit as bound, micros, time, uint, verify},
};
use tokio_postgres::Row;

use super::{bucket_of, each_row};
use crate::{
    fault::{Result, damaged},
    session::{Call, Session},
};

fn sum(row: &QuarantineRow) -> i64 {
    Sum::of("quarantine")
        .bytes(&row.message)
        .opt_bytes(row.identity.as_ref().map(<[u8; 16]>::as_slice))
        .int(micros(row.at))
        .opt_bytes(row.name.as_deref().map(str::as_bytes))
        .text(&row.code)
        .text(&row.errors)
        .end()
}

/// A row of `message, identity, at, name, code, errors, crc`, verified.
fn verified(row: &Row) -> Result<QuarantineRow> {
    let message: [u8; 16] = array(row.try_get(0)?)?;
    let identity: Option<&[u8]> = row.try_get(1)?;
    let name: Option<Vec<u8>> = row.try_get(3)?;
    let what = || format!("quarantined event {}", hex(&message));
    let name = name.map(String::from_utf8).transpose().map_err(|_| damaged(what(), "its name is no text"))?;
    let found = QuarantineRow {
        message,
        identity: identity.map(array).transpose()?,
        at: time(row.try_get(2)?)?,
        name,
        code: row.try_get(4)?,
        errors: row.try_get(5)?,
    };
    verify(sum(&found), row.try_get(6)?, what)?;
    Ok(found)
}

/// A row to write, or to take away.
pub(crate) enum Change<'a> {
    Put(Box<Put<'a>>),
    Remove(i16, &'a [u8]),
}

/// Its columns.
pub(crate) struct Put<'a> {
    bucket: i16,
    message: &'a [u8],
    identity: Option<&'a [u8]>,
    at: i64,
    name: Option<&'a [u8]>,
    code: &'a str,
    errors: &'a str,
    crc: i64,
}

impl<'a> Change<'a> {
    pub(crate) fn of(message: &'a [u8; 16], row: Option<&'a QuarantineRow>) -> Self {
        let bucket = bucket_of(message);
        let Some(row) = row else { return Self::Remove(bucket, message) };
        Self::Put(Box::new(Put {
            bucket,
            message,
            identity: row.identity.as_ref().map(<[u8; 16]>::as_slice),
            at: micros(row.at),
            name: row.name.as_deref().map(str::as_bytes),
            code: &row.code,
            errors: &row.errors,
            crc: sum(row),
        }))
    }

    pub(crate) fn write(&self) -> Call<'_> {
        match self {
            Self::Remove(bucket, message) => {
                Call::With("DELETE FROM quarantine WHERE bucket = $1 AND message = $2", vec![bucket, message])
            }
            Self::Put(row) => Call::With(
                "INSERT INTO quarantine (bucket, message, identity, at, name, code, errors, crc)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (bucket, message) DO UPDATE
                 SET identity = excluded.identity, at = excluded.at, name = excluded.name, code = excluded.code,
                     errors = excluded.errors, crc = excluded.crc",
                vec![
                    &row.bucket,
                    &row.message,
                    &row.identity,
                    &row.at,
                    &row.name,
                    &row.code,
                    &row.errors,
                    &row.crc,
                ],
            ),
        }
    }
}

/// How many there are.
pub(crate) async fn count(session: &Session) -> Result<u64> {
    let row = session.query_opt("SELECT count(*) FROM quarantine", &[]).await?;
    Ok(uint(row.map_or(Ok(0), |row| row.try_get(0))?)?)
}

/// Newest first, before a time and message. One more than `limit`.
pub(crate) async fn list(
    session: &Session,
    before: Option<(i64, Vec<u8>)>,
    limit: usize,
) -> Result<Vec<QuarantineRow>> {
    let (at, message) = before.unwrap_or((i64::MAX, Vec::new()));
    let rows = session
        .query(
            "SELECT message, identity, at, name, code, errors, crc FROM quarantine
             WHERE (at, message) < ($1, $2) ORDER BY at DESC, message DESC LIMIT $3",
            &[&at, &message, &bound(limit.saturating_add(1))],
        )
        .await?;
    rows.iter().map(verified).collect()
}

/// Calls `visit` with every row.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<QuarantineRow>) -> Result<()> + Send,
) -> Result<()> {
    let sql = "SELECT message, identity, at, name, code, errors, crc FROM quarantine";
    each_row(session, sql, &[], |row| visit(verified(row))).await
}
