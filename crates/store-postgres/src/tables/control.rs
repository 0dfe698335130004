//! The control stream: a table of its own.

use store::{
    Direction, NewRecord, Record, Stream,
    encoding::{int, limit as bound},
};

use super::journal::{self, Kept};
use crate::{fault::Result, session::Session};

const SELECT_FORWARD: &str =
    "SELECT n, at, crc, body_crc, header, body FROM control WHERE n > $1 ORDER BY n LIMIT $2";
const SELECT_BACKWARD: &str =
    "SELECT n, at, crc, body_crc, header, body FROM control WHERE n < $1 ORDER BY n DESC LIMIT $2";
const SELECT_ONE: &str = "SELECT n, at, crc, body_crc, header, body FROM control WHERE n = $1";

fn verified(row: &tokio_postgres::Row) -> Result<Record> {
    Kept {
        n: row.try_get(0)?,
        at: row.try_get(1)?,
        crc: row.try_get(2)?,
        body_crc: row.try_get(3)?,
        header: row.try_get(4)?,
        body: row.try_get(5)?,
    }
    .verified(Stream::Control)
}

pub(crate) async fn append(session: &Session, record: &NewRecord) -> Result<()> {
    let sums = journal::Sums::of(record);
    session
        .execute(
            "INSERT INTO control (n, at, crc, body_crc, header, body) VALUES ($1, $2, $3, $4, $5, $6)",
            &[&int(record.n), &sums.at, &sums.crc, &sums.body_crc, &record.header, &record.body],
        )
        .await?;
    Ok(())
}

pub(crate) async fn find(session: &Session, n: u64) -> Result<Option<Record>> {
    session.query_opt(SELECT_ONE, &[&int(n)]).await?.as_ref().map(verified).transpose()
}

/// The records after (or before) a position, without gaps.
pub(crate) async fn following(
    session: &Session,
    direction: Direction,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<Record>> {
    let (sql, from) = match direction {
        Direction::Forward => (SELECT_FORWARD, after.unwrap_or(0)),
        Direction::Backward => (SELECT_BACKWARD, after.unwrap_or(i64::MAX)),
    };
    let rows = session.query(sql, &[&from, &bound(limit)]).await?;
    let records = rows.iter().map(verified).collect::<Result<Vec<_>>>()?;
    journal::without_gaps(&records, direction, after)?;
    Ok(records)
}
