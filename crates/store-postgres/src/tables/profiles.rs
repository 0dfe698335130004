//! Profile rows.

use std::collections::HashMap;

use ledger::ProfileId;
use store::{
    ProfileRow, ProfileWrite, Tail,
    encoding::{Sum, array, int, limit as bound, micros, opt_time, profile_id, uint, verify},
};
use tokio_postgres::Row;

use super::{bucket, each_row, manifests::Counts};
use crate::{
    fault::Result,
    session::{Answer, Call, Session},
};

fn sum(row: &ProfileRow) -> i64 {
    Sum::of("profile")
        .bytes(&row.id.0)
        .int(int(row.n))
        .bytes(&row.tail)
        .bytes(&row.manifest)
        .opt_int(row.due_at.map(micros))
        .bytes(&row.state)
        .end()
}

/// A row of `id, n, tail, state, manifest, due_at, crc`, verified.
fn verified(row: &Row) -> Result<ProfileRow> {
    let state: &[u8] = row.try_get(3)?;
    let found = ProfileRow {
        id: profile_id(row.try_get(0)?)?,
        n: uint(row.try_get(1)?)?,
        tail: array(row.try_get(2)?)?,
        state: state.into(),
        manifest: array(row.try_get(4)?)?,
        due_at: opt_time(row.try_get(5)?)?,
    };
    verify(sum(&found), row.try_get(6)?, || format!("profile {}", found.id))?;
    Ok(found)
}

/// Loads rows, in order.
pub(crate) async fn load(session: &Session, ids: &[ProfileId]) -> Result<Vec<Option<ProfileRow>>> {
    let buckets: Vec<i16> = ids.iter().map(|id| bucket(*id)).collect();
    let keys: Vec<&[u8]> = ids.iter().map(|id| id.0.as_slice()).collect();
    let rows = session
        .query(
            "SELECT p.id, p.n, p.tail, p.state, p.manifest, p.due_at, p.crc
             FROM unnest($1::smallint[], $2::bytea[]) AS k (bucket, id)
             JOIN profile p ON p.bucket = k.bucket AND p.id = k.id",
            &[&buckets, &keys],
        )
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let row = verified(row)?;
        found.insert(row.id, row);
    }
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

/// Where a profile's stream ends, as its row says.
pub(crate) async fn tail(session: &Session, id: ProfileId) -> Result<u64> {
    Ok(load(session, &[id]).await?.into_iter().flatten().next().map_or(0, |row| row.n))
}

/// After an id, in the order of ids (which is that of buckets too). One more than `limit`.
pub(crate) async fn list(
    session: &Session,
    after: Option<ProfileId>,
    limit: usize,
) -> Result<Vec<ProfileRow>> {
    let (from, id) = match after {
        Some(id) => (bucket(id), id.0.to_vec()),
        None => (-1, Vec::new()),
    };
    let rows = session
        .query(
            "SELECT id, n, tail, state, manifest, due_at, crc FROM profile
             WHERE (bucket, id) > ($1, $2) ORDER BY bucket, id LIMIT $3",
            &[&from, &id, &bound(limit.saturating_add(1))],
        )
        .await?;
    rows.iter().map(verified).collect()
}

/// Calls `visit` for every row, in no particular order.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<ProfileRow>) -> Result<()> + Send,
) -> Result<()> {
    let sql = "SELECT id, n, tail, state, manifest, due_at, crc FROM profile";
    each_row(session, sql, &[], |row| visit(verified(row))).await
}

// ---- writing -----------------------------------------------------------------------------------------------

/// What they were decided under. Rows are never taken away, so one that is found here is there.
const STANDING: &str = "SELECT p.id, p.manifest
    FROM unnest($1::smallint[], $2::bytea[]) AS k (bucket, id)
    JOIN profile p ON p.bucket = k.bucket AND p.id = k.id";

/// An insert that becomes an update when the row is there, and only locks it when it is not the row that the batch was
/// decided from.
const WRITE: &str = "INSERT INTO profile (bucket, id, n, due_at, crc, prior, tail, manifest, state)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::bytea[], $8::bytea[], $9::bytea[])
    ON CONFLICT (bucket, id) DO UPDATE
    SET n = excluded.n, due_at = excluded.due_at, crc = excluded.crc, prior = excluded.prior,
        tail = excluded.tail, manifest = excluded.manifest, state = excluded.state
    WHERE substring(profile.tail FOR 8) = int8send(excluded.prior)";

/// Of rows that have been locked by being written, those that were not.
const OVERTAKEN: &str = "SELECT p.id, p.n, p.tail, p.state, p.manifest, p.due_at, p.crc
    FROM unnest($1::smallint[], $2::bytea[], $3::bytea[]) AS k (bucket, id, tail)
    JOIN profile p ON p.bucket = k.bucket AND p.id = k.id
    WHERE p.tail <> k.tail";

const PUT: &str = "INSERT INTO profile (bucket, id, n, due_at, crc, prior, tail, manifest, state)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::bytea[], $8::bytea[], $9::bytea[])
    ON CONFLICT (bucket, id) DO UPDATE
    SET n = excluded.n, due_at = excluded.due_at, crc = excluded.crc, prior = excluded.prior,
        tail = excluded.tail, manifest = excluded.manifest, state = excluded.state";

/// Written over no row. That a hash begins like this is as likely as any other accident.
const NONE: i64 = -1;

/// How a row stands that a batch has written or locked, and may write once more.
pub(crate) struct Stood {
    /// What it has to be decided from.
    from: Option<Tail>,
    /// Of what is in the row now.
    mark: i64,
    /// What it was decided under before this batch; `None` when there was no row.
    manifest: Option<[u8; 32]>,
}

/// Profile rows as arrays of columns, in the order of their keys.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    writes: Vec<&'a ProfileWrite>,
    bucket: Vec<i16>,
    id: Vec<&'a [u8]>,
    n: Vec<i64>,
    due_at: Vec<Option<i64>>,
    crc: Vec<i64>,
    prior: Vec<i64>,
    tail: Vec<&'a [u8]>,
    manifest: Vec<&'a [u8]>,
    state: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(writes: &'a [ProfileWrite]) -> Self {
        Self::over(writes.iter().map(|write| (write, write.from.map_or(NONE, |from| from.mark()))))
    }

    /// With the mark of the row that each goes over.
    fn over(writes: impl Iterator<Item = (&'a ProfileWrite, i64)>) -> Self {
        let mut sorted: Vec<_> = writes.collect();
        sorted.sort_by_key(|(write, _)| write.row.id);
        let mut columns = Self::default();
        for (write, prior) in sorted {
            let row = &write.row;
            columns.writes.push(write);
            columns.bucket.push(bucket(row.id));
            columns.id.push(&row.id.0);
            columns.n.push(int(row.n));
            columns.due_at.push(row.due_at.map(micros));
            columns.crc.push(sum(row));
            columns.prior.push(prior);
            columns.tail.push(&row.tail);
            columns.manifest.push(&row.manifest);
            columns.state.push(&row.state);
        }
        columns
    }

    pub(crate) fn len(&self) -> usize {
        self.id.len()
    }

    /// Asks how the rows stand.
    pub(crate) fn standing(&self) -> Call<'_> {
        Call::With(STANDING, vec![&self.bucket, &self.id])
    }

    /// What each was decided under before; `None` when one is not there that it was decided from.
    pub(crate) fn stand(&self, answer: &Answer) -> Result<Option<Vec<Option<[u8; 32]>>>> {
        let mut found: HashMap<&[u8], [u8; 32]> = HashMap::with_capacity(answer.rows.len());
        for row in &answer.rows {
            found.insert(row.try_get(0)?, array(row.try_get(1)?)?);
        }
        let before: Vec<_> = self.id.iter().map(|id| found.get(*id).copied()).collect();
        let gone = self.writes.iter().zip(&before).any(|(w, before)| w.from.is_some() && before.is_none());
        Ok((!gone).then_some(before))
    }

    /// Counts them from one manifest to another.
    pub(crate) fn count(&self, before: &[Option<[u8; 32]>], counts: &mut Counts) {
        for (write, before) in self.writes.iter().zip(before) {
            counts.add(&write.row.manifest, 1);
            if let Some(before) = before {
                counts.add(before, -1);
            }
        }
    }

    /// Rows that were not written, because they are not what was decided from. They are locked.
    pub(crate) async fn overtaken(&self, session: &Session) -> Result<Vec<ProfileRow>> {
        session.query(OVERTAKEN, &[&self.bucket, &self.id, &self.tail]).await?.iter().map(verified).collect()
    }

    /// How all of them stand, after those that were overtaken have been read.
    pub(crate) fn stood(
        &self,
        before: &[Option<[u8; 32]>],
        overtaken: &[ProfileRow],
    ) -> HashMap<ProfileId, Stood> {
        let written = self.writes.iter().zip(before).map(|(write, before)| {
            let stood = Stood { from: write.from, mark: write.row.tail().mark(), manifest: *before };
            (write.row.id, stood)
        });
        let mut stood: HashMap<_, _> = written.collect();
        stood.extend(overtaken.iter().map(|row| {
            let tail = row.tail();
            (row.id, Stood { from: Some(tail), mark: tail.mark(), manifest: Some(row.manifest) })
        }));
        stood
    }

    /// Those of `writes`, which are the same profiles, that stand otherwise; counts all of them. `None` when one was
    /// decided from anything else than what stood there.
    pub(crate) fn again(
        writes: &'a [ProfileWrite],
        stood: &HashMap<ProfileId, Stood>,
        counts: &mut Counts,
    ) -> Option<Self> {
        let mut over = Vec::new();
        for write in writes {
            let stood = stood.get(&write.row.id).filter(|stood| stood.from == write.from)?;
            counts.add(&write.row.manifest, 1);
            if let Some(before) = &stood.manifest {
                counts.add(before, -1);
            }
            if stood.mark != write.row.tail().mark() {
                over.push((write, stood.mark));
            }
        }
        Some(Self::over(over.into_iter()))
    }

    fn params(&self) -> Vec<crate::session::Param<'_>> {
        vec![
            &self.bucket,
            &self.id,
            &self.n,
            &self.due_at,
            &self.crc,
            &self.prior,
            &self.tail,
            &self.manifest,
            &self.state,
        ]
    }

    /// Writes the rows over those that stood there.
    pub(crate) fn write(&self) -> Call<'_> {
        Call::With(WRITE, self.params())
    }

    /// Writes the rows whatever was there (rebuilding).
    pub(crate) async fn put(&self, session: &Session) -> Result<()> {
        session.execute(PUT, &self.params()).await?;
        Ok(())
    }
}
