//! Who is in which audience, and how many each has.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ledger::ProfileId;
use store::{
    Membership, ProfileWrite,
    encoding::{Sum, limit as bound, micros, profile_id, time, uint, verify},
};
use tokio_postgres::Row;

use super::{
    bucket, each_row,
    gone::Gone,
    shards::{mirrored, salt, verified as unmirrored},
};
use crate::{
    fault::{Fault, Result},
    session::{Answer, Call, Session},
};

const TABLE: &str = "audience";

fn sum(audience: &str, profile: &[u8], since: i64) -> i64 {
    Sum::of("membership").text(audience).bytes(profile).int(since).end()
}

// ---- writing -----------------------------------------------------------------------------------------------

const LEAVE: &str = "DELETE FROM membership m
    USING unnest($1::smallint[], $2::bytea[], $3::text[]) AS k (bucket, profile, audience)
    WHERE m.bucket = k.bucket AND m.profile = k.profile AND m.audience = k.audience
    RETURNING m.audience";
/// The same of one bucket.
const LEAVE_OF_BUCKET: &str = "DELETE FROM membership m
    USING unnest($2::bytea[], $3::text[]) AS k (profile, audience)
    WHERE m.bucket = $1 AND m.profile = k.profile AND m.audience = k.audience
    RETURNING m.audience";
/// `xmax` is zero in a row that was not there before.
const ENTER: &str = "INSERT INTO membership (bucket, profile, audience, since, crc)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::text[], $4::bigint[], $5::bigint[])
    ON CONFLICT (bucket, profile, audience) DO UPDATE SET since = excluded.since, crc = excluded.crc
    RETURNING audience, xmax = 0";

/// Changes of a batch as arrays of columns, in the order of their keys.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    left: Gone<'a, &'a str>,
    entered: Keys<'a>,
    since: Vec<i64>,
    crc: Vec<i64>,
}

/// Which rows: bucket, profile, audience.
type Keys<'a> = (Vec<i16>, Vec<&'a [u8]>, Vec<&'a str>);

impl<'a> Columns<'a> {
    /// `by_bucket`: see [`Gone`].
    pub(crate) fn of(writes: &'a [ProfileWrite], by_bucket: bool) -> Self {
        let (mut left, mut entered) = (BTreeSet::new(), BTreeMap::new());
        for write in writes {
            let id = &write.row.id;
            left.extend(write.left.iter().map(|key| (id, key.as_ref())));
            entered.extend(write.entered.iter().map(|(key, since)| ((id, key.as_ref()), micros(*since))));
        }
        let mut columns = Self { left: Gone::of(left.into_iter(), by_bucket), ..Self::default() };
        for ((id, key), since) in entered {
            columns.entered.0.push(bucket(*id));
            columns.entered.1.push(&id.0);
            columns.entered.2.push(key);
            columns.since.push(since);
            columns.crc.push(sum(key, &id.0, since));
        }
        columns
    }

    pub(crate) fn calls<'b>(&'b self, calls: &mut Vec<Call<'b>>) {
        self.left.calls(LEAVE, LEAVE_OF_BUCKET, calls);
        let entered = &self.entered;
        if !entered.0.is_empty() {
            let columns: Vec<crate::session::Param<'b>> =
                vec![&entered.0, &entered.1, &entered.2, &self.since, &self.crc];
            calls.push(Call::With(ENTER, columns));
        }
    }

    /// Counts what really changed. Takes its answers off the front.
    pub(crate) fn count(&self, answers: &mut std::vec::IntoIter<Answer>, counts: &mut Counts) -> Result<()> {
        for answer in answers.by_ref().take(self.left.len()) {
            counts.gone(&answer.rows)?;
        }
        if !self.entered.0.is_empty() {
            for row in answers.next().unwrap_or_default().rows {
                if row.try_get(1)? {
                    counts.add(row.try_get(0)?, 1);
                }
            }
        }
        Ok(())
    }
}

/// Takes a profile out of every audience.
pub(crate) async fn leave_all(session: &Session, profile: ProfileId, counts: &mut Counts) -> Result<()> {
    let rows = session
        .query(
            "DELETE FROM membership WHERE bucket = $1 AND profile = $2 RETURNING audience",
            &[&bucket(profile), &profile.0.as_slice()],
        )
        .await?;
    counts.gone(&rows)
}

const ADD: &str = "INSERT INTO audience (key, shard, members, mirror)
    SELECT key, $2, members, mirror FROM unnest($1::text[], $3::bigint[], $4::bigint[]) AS u (key, members, mirror)
    ON CONFLICT (key, shard) DO UPDATE
    SET members = audience.members + excluded.members,
        mirror = (audience.members + excluded.members) # (excluded.members # excluded.mirror)
    WHERE audience.members # audience.mirror = excluded.members # excluded.mirror";

/// How many members audiences gained and lost, gathered over a commit.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<String, i64>);

impl Counts {
    fn add(&mut self, audience: &str, change: i64) {
        if let Some(count) = self.0.get_mut(audience) {
            *count += change;
        } else {
            self.0.insert(audience.to_owned(), change);
        }
    }

    fn gone(&mut self, rows: &[Row]) -> Result<()> {
        rows.iter().try_for_each(|row| {
            self.add(row.try_get(0)?, -1);
            Ok(())
        })
    }

    /// As columns, for a shard.
    pub(crate) fn columns(&self, shard: i16) -> CountColumns {
        let mut columns = CountColumns { shard, ..CountColumns::default() };
        for (key, change) in self.0.iter().filter(|(_, change)| **change != 0) {
            columns.key.push(key.clone());
            columns.members.push(*change);
            columns.mirror.push(mirrored(*change, salt(TABLE, key.as_bytes(), shard)));
        }
        columns
    }
}

/// The same, ready to be written.
#[derive(Default)]
pub(crate) struct CountColumns {
    shard: i16,
    pub(crate) key: Vec<String>,
    members: Vec<i64>,
    mirror: Vec<i64>,
}

impl CountColumns {
    pub(crate) fn add(&self) -> Call<'_> {
        Call::With(ADD, vec![&self.key, &self.shard, &self.members, &self.mirror])
    }
}

/// Counts the members anew, into shard 0 (rebuilding; the table is empty).
pub(crate) async fn recount(session: &Session) -> Result<()> {
    let rows = session.query("SELECT audience, count(*) FROM membership GROUP BY audience", &[]).await?;
    let mut counts = Counts::default();
    for row in &rows {
        counts.add(row.try_get(0)?, row.try_get(1)?);
    }
    let columns = counts.columns(0);
    session.flight(&[columns.add()]).await?;
    Ok(())
}

// ---- reading -----------------------------------------------------------------------------------------------

/// One more than `limit`, in the order of ids.
pub(crate) async fn members(
    session: &Session,
    audience: &str,
    after: &[u8],
    limit: usize,
) -> Result<Vec<Membership>> {
    let rows = session
        .query(
            "SELECT profile, since, crc FROM membership WHERE audience = $1 AND profile > $2
             ORDER BY profile LIMIT $3",
            &[&audience, &after, &bound(limit.saturating_add(1))],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let (profile, since) = (profile_id(row.try_get(0)?)?, row.try_get(1)?);
            verify(sum(audience, &profile.0, since), row.try_get(2)?, || {
                format!("membership of {profile} in `{audience}`")
            })?;
            Ok(Membership { profile, since: time(since)? })
        })
        .collect()
}

/// Every audience that has members, by key.
pub(crate) async fn counts(session: &Session) -> Result<Vec<(Arc<str>, u64)>> {
    let rows = session.query("SELECT key, shard, members, mirror FROM audience", &[]).await?;
    let mut sums: BTreeMap<Arc<str>, i64> = BTreeMap::new();
    for row in &rows {
        let key: &str = row.try_get(0)?;
        let salt = salt(TABLE, key.as_bytes(), row.try_get(1)?);
        let what = || format!("the count of members of audience `{key}`");
        *sums.entry(key.into()).or_default() += unmirrored(row.try_get(2)?, row.try_get(3)?, salt, what)?;
    }
    sums.retain(|_, members| *members != 0);
    sums.into_iter().map(|(key, members)| Ok((key, uint(members)?))).collect()
}

/// How many members an audience has.
pub(crate) async fn count(session: &Session, audience: &str) -> Result<u64> {
    Ok(counts(session)
        .await?
        .into_iter()
        .find(|(key, _)| &**key == audience)
        .map_or(0, |(_, members)| members))
}

/// Calls `visit` with audience, profile and time of every membership.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<(&str, ProfileId, i64)>) -> Result<()> + Send,
) -> Result<()> {
    let sql = "SELECT audience, profile, since, crc FROM membership";
    each_row(session, sql, &[], |row| {
        let (audience, profile, since): (&str, &[u8], i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let told = verify(sum(audience, profile, since), row.try_get(3)?, || {
            format!("a membership in `{audience}`")
        })
        .and_then(|()| Ok((audience, profile_id(profile)?, since)))
        .map_err(Fault::from);
        visit(told)
    })
    .await
}
