//! The journal: append-only records, keyed by bucket, stream and position.

use std::collections::HashMap;

use ledger::ProfileId;
use store::{
    Direction, NewRecord, Record, Stream,
    encoding::{StreamKey, Sum, int, limit as bound, micros, stream, stream_name, time, uint, verify},
};
use tokio_postgres::Row;

use super::{bucket, bucket_of, feed};
use crate::{
    fault::{Result, damaged},
    session::{Call, Session},
};

fn head_sum(stream: &[u8], n: i64, at: i64, body_crc: Option<i64>, header: &[u8]) -> i64 {
    Sum::of("journal").bytes(stream).int(n).int(at).opt_int(body_crc).bytes(header).end()
}

fn body_sum(stream: &[u8], n: i64, body: &[u8]) -> i64 {
    Sum::of("body").bytes(stream).int(n).bytes(body).end()
}

/// A stream's bucket.
pub(crate) fn stream_bucket(stream: Stream) -> i16 {
    match stream {
        Stream::Control => 0,
        Stream::Profile(id) => bucket(id),
        Stream::Quarantine(message) => bucket_of(&message),
    }
}

/// What is computed of a record when it is written.
pub(crate) struct Sums {
    pub(crate) at: i64,
    pub(crate) crc: i64,
    pub(crate) body_crc: Option<i64>,
}

impl Sums {
    pub(crate) fn of(record: &NewRecord) -> Self {
        let key = StreamKey::new(record.stream);
        let (n, at) = (int(record.n), micros(record.decided_at));
        let body_crc = record.body.as_deref().map(|body| body_sum(key.bytes(), n, body));
        Self { at, crc: head_sum(key.bytes(), n, at, body_crc, &record.header), body_crc }
    }
}

/// A row's columns, but for its stream.
pub(crate) struct Kept<'a> {
    pub(crate) n: i64,
    pub(crate) at: i64,
    pub(crate) crc: i64,
    pub(crate) body_crc: Option<i64>,
    pub(crate) header: &'a [u8],
    pub(crate) body: Option<&'a [u8]>,
}

impl Kept<'_> {
    pub(crate) fn verified(self, of: Stream) -> Result<Record> {
        let key = StreamKey::new(of);
        let named = || format!("record {} of {}", self.n, stream_name(of));
        verify(head_sum(key.bytes(), self.n, self.at, self.body_crc, self.header), self.crc, named)?;
        if self.body.map(|body| body_sum(key.bytes(), self.n, body)) != self.body_crc {
            return Err(damaged(named(), "its body's checksum does not fit"));
        }
        Ok(Record {
            stream: of,
            n: uint(self.n)?,
            decided_at: time(self.at)?,
            header: self.header.to_vec(),
            body: self.body.map(<[u8]>::to_vec),
        })
    }
}

/// A row of `stream, n, at, crc, body_crc, header, body`, verified.
pub(super) fn verified(row: &Row) -> Result<Record> {
    let of = stream(row.try_get(0)?)?;
    Kept {
        n: row.try_get(1)?,
        at: row.try_get(2)?,
        crc: row.try_get(3)?,
        body_crc: row.try_get(4)?,
        header: row.try_get(5)?,
        body: row.try_get(6)?,
    }
    .verified(of)
}

// ---- writing -----------------------------------------------------------------------------------------------

const APPEND: &str = "INSERT INTO journal (bucket, stream, n, feed, at, crc, body_crc, header, body)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::bigint[], $8::bytea[], $9::bytea[])";

/// Records as arrays of columns, in the order of their keys.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    bucket: Vec<i16>,
    stream: Vec<StreamBytes>,
    n: Vec<i64>,
    feed: Vec<i64>,
    at: Vec<i64>,
    crc: Vec<i64>,
    body_crc: Vec<Option<i64>>,
    header: Vec<&'a [u8]>,
    body: Vec<Option<&'a [u8]>>,
}

type StreamBytes = Vec<u8>;

impl<'a> Columns<'a> {
    pub(crate) fn of(records: &'a [NewRecord], batch: i64) -> Self {
        let mut order: Vec<(i16, StreamKey, usize)> = records
            .iter()
            .enumerate()
            .map(|(at, record)| (stream_bucket(record.stream), StreamKey::new(record.stream), at))
            .collect();
        order.sort_by(|a, b| (a.0, a.1.bytes(), a.2).cmp(&(b.0, b.1.bytes(), b.2)));
        let mut columns = Self::default();
        for (bucket, key, at) in order {
            let record = &records[at];
            let sums = Sums::of(record);
            columns.bucket.push(bucket);
            columns.stream.push(key.bytes().to_vec());
            columns.n.push(int(record.n));
            columns.feed.push(feed::place(batch, at));
            columns.at.push(sums.at);
            columns.crc.push(sums.crc);
            columns.body_crc.push(sums.body_crc);
            columns.header.push(&record.header);
            columns.body.push(record.body.as_deref());
        }
        columns
    }

    pub(crate) fn append(&self) -> Call<'_> {
        Call::With(
            APPEND,
            vec![
                &self.bucket,
                &self.stream,
                &self.n,
                &self.feed,
                &self.at,
                &self.crc,
                &self.body_crc,
                &self.header,
                &self.body,
            ],
        )
    }
}

/// The first of these records whose stream has none before it.
pub(crate) async fn without_previous(
    session: &Session,
    records: &[(Stream, u64)],
) -> Result<Option<(Stream, u64)>> {
    let bucket: Vec<i16> = records.iter().map(|(of, _)| stream_bucket(*of)).collect();
    let key: Vec<Vec<u8>> = records.iter().map(|(of, _)| StreamKey::new(*of).bytes().to_vec()).collect();
    let n: Vec<i64> = records.iter().map(|(_, n)| int(*n)).collect();
    let row = session
        .query_opt(
            "SELECT u.stream, u.n FROM unnest($1::smallint[], $2::bytea[], $3::bigint[]) AS u (bucket, stream, n)
             WHERE u.n > 1 AND NOT EXISTS (SELECT 1 FROM journal
                 WHERE journal.bucket = u.bucket AND journal.stream = u.stream AND journal.n = u.n - 1)
             LIMIT 1",
            &[&bucket, &key, &n],
        )
        .await?;
    row.map(|row| Ok((stream(row.try_get(0)?)?, uint(row.try_get(1)?)?))).transpose()
}

/// Where streams of profiles end; 0 for those that have no record.
pub(crate) async fn ends(session: &Session, ids: &[ProfileId]) -> Result<HashMap<ProfileId, u64>> {
    let buckets: Vec<i16> = ids.iter().map(|id| bucket(*id)).collect();
    let key: Vec<Vec<u8>> =
        ids.iter().map(|id| StreamKey::new(Stream::Profile(*id)).bytes().to_vec()).collect();
    let rows = session
        .query(
            "SELECT (SELECT coalesce(max(n), 0) FROM journal
                     WHERE journal.bucket = u.bucket AND journal.stream = u.stream)
             FROM unnest($1::smallint[], $2::bytea[]) WITH ORDINALITY AS u (bucket, stream, no) ORDER BY u.no",
            &[&buckets, &key],
        )
        .await?;
    ids.iter().zip(rows).map(|(id, row)| Ok((*id, uint(row.try_get(0)?)?))).collect()
}

/// Deletes the bodies of a stream. Answers whether it has any record.
pub(crate) async fn erase_bodies(session: &Session, of: Stream) -> Result<bool> {
    let (bucket, key) = (stream_bucket(of), StreamKey::new(of));
    let (mut n, mut crc) = (Vec::new(), Vec::new());
    let rows = session
        .query(
            "SELECT stream, n, at, crc, body_crc, header, body FROM journal
             WHERE bucket = $1 AND stream = $2 ORDER BY n FOR UPDATE",
            &[&bucket, &key.bytes()],
        )
        .await?;
    for row in &rows {
        let record = verified(row)?;
        if record.body.is_some() {
            let at = micros(record.decided_at);
            n.push(int(record.n));
            crc.push(head_sum(key.bytes(), int(record.n), at, None, &record.header));
        }
    }
    if !n.is_empty() {
        session
            .execute(
                "UPDATE journal SET body = NULL, body_crc = NULL, crc = gone.crc
                 FROM unnest($3::bigint[], $4::bigint[]) AS gone (n, crc)
                 WHERE bucket = $1 AND stream = $2 AND journal.n = gone.n",
                &[&bucket, &key.bytes(), &n, &crc],
            )
            .await?;
    }
    Ok(!rows.is_empty())
}

// ---- reading -----------------------------------------------------------------------------------------------

pub(crate) async fn find(session: &Session, of: Stream, n: u64) -> Result<Option<Record>> {
    session
        .query_opt(
            "SELECT stream, n, at, crc, body_crc, header, body FROM journal
             WHERE bucket = $1 AND stream = $2 AND n = $3",
            &[&stream_bucket(of), &StreamKey::new(of).bytes(), &int(n)],
        )
        .await?
        .as_ref()
        .map(verified)
        .transpose()
}

const FORWARD: &str = "SELECT stream, n, at, crc, body_crc, header, body FROM journal
    WHERE bucket = $1 AND stream = $2 AND n > $3 ORDER BY n LIMIT $4";
const BACKWARD: &str = "SELECT stream, n, at, crc, body_crc, header, body FROM journal
    WHERE bucket = $1 AND stream = $2 AND n < $3 ORDER BY n DESC LIMIT $4";

/// The records of a stream after (or before) a position, without gaps.
pub(crate) async fn following(
    session: &Session,
    of: Stream,
    direction: Direction,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<Record>> {
    let (sql, from) = match direction {
        Direction::Forward => (FORWARD, after.unwrap_or(0)),
        Direction::Backward => (BACKWARD, after.unwrap_or(i64::MAX)),
    };
    let key = StreamKey::new(of);
    let rows = session.query(sql, &[&stream_bucket(of), &key.bytes(), &from, &bound(limit)]).await?;
    let records = rows.iter().map(verified).collect::<Result<Vec<_>>>()?;
    without_gaps(&records, direction, after)?;
    Ok(records)
}

/// Complains when a record is missing between those that were read.
pub(crate) fn without_gaps(records: &[Record], direction: Direction, after: Option<i64>) -> Result<()> {
    let mut expected = match (direction, after) {
        (Direction::Forward, after) => Some(after.unwrap_or(0) + 1),
        (Direction::Backward, Some(after)) => Some(after - 1),
        (Direction::Backward, None) => records.first().map(|record| int(record.n)),
    };
    for record in records {
        let n = int(record.n);
        if let Some(expected) = expected
            && n != expected
        {
            return Err(damaged(
                format!("record {expected} of {}", stream_name(record.stream)),
                "it is gone",
            ));
        }
        expected = Some(if direction == Direction::Forward { n + 1 } else { n - 1 });
    }
    Ok(())
}

const FEED_FORWARD: &str = "SELECT stream, n, at, crc, body_crc, header, body, feed FROM journal
    WHERE feed > $1 AND feed <= $2 ORDER BY feed LIMIT $3";
/// The same, but for some batches.
const FEED_WITHOUT: &str = "SELECT stream, n, at, crc, body_crc, header, body, feed FROM journal
    WHERE feed > $1 AND feed <= $2 AND feed / $3 <> ALL ($4::bigint[]) ORDER BY feed LIMIT $5";
const FEED_BACKWARD: &str = "SELECT stream, n, at, crc, body_crc, header, body, feed FROM journal
    WHERE feed < $1 ORDER BY feed DESC LIMIT $2";

fn with_places(rows: &[Row]) -> Result<Vec<(i64, Record)>> {
    rows.iter().map(|row| Ok((row.try_get(7)?, verified(row)?))).collect()
}

/// The records after a place of the feed, up to another.
pub(crate) async fn feed_forward(
    session: &Session,
    after: i64,
    until: i64,
    limit: usize,
) -> Result<Vec<(i64, Record)>> {
    with_places(&session.query(FEED_FORWARD, &[&after, &until, &bound(limit)]).await?)
}

/// The same, without those of some batches.
pub(crate) async fn feed_without(
    session: &Session,
    after: i64,
    until: i64,
    batches: &[i64],
    limit: usize,
) -> Result<Vec<(i64, Record)>> {
    let (width, limit) = (feed::place(1, 0), bound(limit));
    with_places(&session.query(FEED_WITHOUT, &[&after, &until, &width, &batches, &limit]).await?)
}

/// The records before a place of the feed, newest first.
pub(crate) async fn feed_backward(
    session: &Session,
    before: i64,
    limit: usize,
) -> Result<Vec<(i64, Record)>> {
    with_places(&session.query(FEED_BACKWARD, &[&before, &bound(limit)]).await?)
}
