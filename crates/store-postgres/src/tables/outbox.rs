//! The outbox: keyed by the record that made each row.

use std::collections::HashMap;

use ledger::ProfileId;
use store::{
    OutboxRow,
    encoding::{Sum, int, limit as bound, micros, profile_id, time, uint, verify},
};
use tokio_postgres::Row;

use super::{bucket, each_row};
use crate::{
    fault::{Result, damaged, refused},
    session::{Call, Session},
};

/// A row with its place in the feed.
pub(crate) struct Placed {
    pub(crate) feed: i64,
    pub(crate) row: OutboxRow,
}

fn sum(row: &OutboxRow) -> i64 {
    Sum::of("outbox")
        .int(i64::from(row.index))
        .bytes(&row.profile.0)
        .int(int(row.n))
        .text(&row.channel)
        .int(micros(row.at))
        .int(int(row.incarnation))
        .text(&row.status)
        .text(&row.payload)
        .end()
}

/// A row of `feed, place, profile, n, channel, at, incarnation, status, payload, crc`, verified.
fn verified(row: &Row) -> Result<Placed> {
    let placed = Placed {
        feed: row.try_get(0)?,
        row: OutboxRow {
            index: u16::try_from(row.try_get::<_, i32>(1)?)
                .map_err(|_| damaged("an outbox row", "its place is out of range"))?,
            profile: profile_id(row.try_get(2)?)?,
            n: uint(row.try_get(3)?)?,
            channel: row.try_get(4)?,
            at: time(row.try_get(5)?)?,
            incarnation: uint(row.try_get(6)?)?,
            status: row.try_get(7)?,
            payload: row.try_get(8)?,
        },
    };
    verify(sum(&placed.row), row.try_get(9)?, || {
        format!("outbox row {}/{}/{}", placed.row.profile, placed.row.n, placed.row.index)
    })?;
    Ok(placed)
}

const ADD: &str =
    "INSERT INTO outbox (bucket, profile, n, place, feed, at, incarnation, crc, channel, status, payload)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[],
                         $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[])";

/// A batch's rows as arrays of columns.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    pub(crate) bucket: Vec<i16>,
    profile: Vec<&'a [u8]>,
    n: Vec<i64>,
    place: Vec<i32>,
    feed: Vec<i64>,
    at: Vec<i64>,
    incarnation: Vec<i64>,
    crc: Vec<i64>,
    channel: Vec<&'a str>,
    status: Vec<&'a str>,
    payload: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    /// `made`: where the batch's records stand in the feed.
    pub(crate) fn of(rows: &'a [OutboxRow], made: &HashMap<(ProfileId, u64), i64>) -> Result<Self> {
        let mut columns = Self::default();
        for row in rows {
            let feed = made.get(&(row.profile, row.n)).ok_or_else(|| {
                refused(format!("an outbox row of record {} of profile {} without it", row.n, row.profile))
            })?;
            columns.bucket.push(bucket(row.profile));
            columns.profile.push(&row.profile.0);
            columns.n.push(int(row.n));
            columns.place.push(row.index.into());
            columns.feed.push(*feed);
            columns.at.push(micros(row.at));
            columns.incarnation.push(int(row.incarnation));
            columns.crc.push(sum(row));
            columns.channel.push(&row.channel);
            columns.status.push(&row.status);
            columns.payload.push(&row.payload);
        }
        Ok(columns)
    }

    pub(crate) fn add(&self) -> Call<'_> {
        Call::With(
            ADD,
            vec![
                &self.bucket,
                &self.profile,
                &self.n,
                &self.place,
                &self.feed,
                &self.at,
                &self.incarnation,
                &self.crc,
                &self.channel,
                &self.status,
                &self.payload,
            ],
        )
    }
}

/// Deletes the payloads of a profile's rows.
pub(crate) async fn erase(session: &Session, profile: ProfileId) -> Result<()> {
    let rows = session
        .query(
            "SELECT feed, place, profile, n, channel, at, incarnation, status, payload, crc FROM outbox
             WHERE bucket = $1 AND profile = $2 AND payload <> '' FOR UPDATE",
            &[&bucket(profile), &profile.0.as_slice()],
        )
        .await?;
    for row in &rows {
        let mut row = verified(row)?.row;
        row.payload.clear();
        session
            .execute(
                "UPDATE outbox SET payload = '', crc = $5 WHERE bucket = $1 AND profile = $2 AND n = $3 AND place = $4",
                &[
                    &bucket(profile),
                    &profile.0.as_slice(),
                    &int(row.n),
                    &i32::from(row.index),
                    &sum(&row),
                ],
            )
            .await?;
    }
    Ok(())
}

/// Newest first, before a place of the feed. One more than `limit`.
pub(crate) async fn list(session: &Session, before: Option<[i64; 2]>, limit: usize) -> Result<Vec<Placed>> {
    let [feed, place] = before.unwrap_or([i64::MAX, i64::from(i32::MAX)]);
    let rows = session
        .query(
            "SELECT feed, place, profile, n, channel, at, incarnation, status, payload, crc FROM outbox
             WHERE (feed, place) < ($1, $2) ORDER BY feed DESC, place DESC LIMIT $3",
            &[&feed, &i32::try_from(place).unwrap_or(i32::MAX), &bound(limit.saturating_add(1))],
        )
        .await?;
    rows.iter().map(verified).collect()
}

/// The rows of records after a place of the feed, up to another; in their order.
pub(crate) async fn between(session: &Session, after: i64, until: i64) -> Result<Vec<Placed>> {
    let sql = "SELECT feed, place, profile, n, channel, at, incarnation, status, payload, crc FROM outbox
               WHERE feed > $1 AND feed <= $2 ORDER BY feed, place";
    session.query(sql, &[&after, &until]).await?.iter().map(verified).collect()
}

/// Calls `visit` for every row.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<()>) -> Result<()> + Send,
) -> Result<()> {
    let sql = "SELECT feed, place, profile, n, channel, at, incarnation, status, payload, crc FROM outbox";
    each_row(session, sql, &[], |row| visit(verified(row).map(|_| ()))).await
}
