//! Search terms: profiles by a trait's normalised value.

use std::collections::BTreeSet;

use ledger::ProfileId;
use sha2::{Digest, Sha256};
use store::{
    ProfileWrite,
    encoding::{Sum, limit as bound, profile_id, verify},
};

use super::{bucket, each_row, gone::Gone};
use crate::{
    fault::{Fault, Result},
    session::{Call, Session},
};

fn sum(key: &str, value: &[u8], profile: &[u8]) -> i64 {
    Sum::of("search").text(key).bytes(value).bytes(profile).end()
}

/// What trait and value are found by: half of a hash over both, lengths included.
fn term(key: &str, value: &str) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update((key.len() as u64).to_le_bytes());
    hasher.update(key.as_bytes());
    hasher.update(value.as_bytes());
    hasher.finalize()[..16].to_vec()
}

const REMOVE: &str = "DELETE FROM search s
    USING unnest($1::smallint[], $2::bytea[], $3::bytea[]) AS k (bucket, profile, term)
    WHERE s.bucket = k.bucket AND s.profile = k.profile AND s.term = k.term";
/// The same of one bucket.
const REMOVE_OF_BUCKET: &str = "DELETE FROM search s
    USING unnest($2::bytea[], $3::bytea[]) AS k (profile, term)
    WHERE s.bucket = $1 AND s.profile = k.profile AND s.term = k.term";
const ADD: &str = "INSERT INTO search (bucket, profile, term, trait, value, crc)
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bytea[], $4::text[], $5::bytea[], $6::bigint[])
    ON CONFLICT (bucket, profile, term) DO UPDATE SET crc = excluded.crc";

/// Changes of a batch as arrays of columns.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    lost: Gone<'a, Vec<u8>>,
    gained: Gained<'a>,
}

#[derive(Default)]
struct Gained<'a> {
    bucket: Vec<i16>,
    profile: Vec<&'a [u8]>,
    term: Vec<Vec<u8>>,
    key: Vec<&'a str>,
    value: Vec<&'a [u8]>,
    crc: Vec<i64>,
}

impl<'a> Columns<'a> {
    /// `by_bucket`: see [`Gone`].
    pub(crate) fn of(writes: &'a [ProfileWrite], by_bucket: bool) -> Self {
        let (mut lost, mut gained) = (BTreeSet::new(), BTreeSet::new());
        for write in writes {
            let id = &write.row.id;
            lost.extend(
                write.no_longer_found_by.iter().map(|(key, value)| (id, key.as_ref(), value.as_str())),
            );
            gained.extend(write.found_by.iter().map(|(key, value)| (id, key.as_ref(), value.as_str())));
        }
        let lost = lost.into_iter().map(|(id, key, value)| (id, term(key, value)));
        let mut columns = Self { lost: Gone::of(lost, by_bucket), ..Self::default() };
        let to = &mut columns.gained;
        for (id, key, value) in gained {
            to.bucket.push(bucket(*id));
            to.profile.push(&id.0);
            to.term.push(term(key, value));
            to.key.push(key);
            to.value.push(value.as_bytes());
            to.crc.push(sum(key, value.as_bytes(), &id.0));
        }
        columns
    }

    pub(crate) fn calls<'b>(&'b self, calls: &mut Vec<Call<'b>>) {
        self.lost.calls(REMOVE, REMOVE_OF_BUCKET, calls);
        let Gained { bucket, profile, term, key, value, crc } = &self.gained;
        if !bucket.is_empty() {
            calls.push(Call::With(ADD, vec![bucket, profile, term, key, value, crc]));
        }
    }
}

pub(crate) async fn remove_all(session: &Session, profile: ProfileId) -> Result<()> {
    session
        .execute(
            "DELETE FROM search WHERE bucket = $1 AND profile = $2",
            &[&bucket(profile), &profile.0.as_slice()],
        )
        .await?;
    Ok(())
}

/// One more than `limit`, in the order of ids.
pub(crate) async fn find(
    session: &Session,
    key: &str,
    value: &str,
    after: &[u8],
    limit: usize,
) -> Result<Vec<ProfileId>> {
    let rows = session
        .query(
            "SELECT profile, crc FROM search WHERE term = $1 AND profile > $2 AND trait = $4 AND value = $5
             ORDER BY profile LIMIT $3",
            &[&term(key, value), &after, &bound(limit.saturating_add(1)), &key, &value.as_bytes()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let profile = profile_id(row.try_get(0)?)?;
            let crc = sum(key, value.as_bytes(), &profile.0);
            verify(crc, row.try_get(1)?, || format!("search term of profile {profile}"))?;
            Ok(profile)
        })
        .collect()
}

/// Calls `visit` with every term.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<(&str, &[u8], ProfileId)>) -> Result<()> + Send,
) -> Result<()> {
    each_row(session, "SELECT trait, value, profile, crc FROM search", &[], |row| {
        let (key, value, profile): (&str, &[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let told = verify(sum(key, value, profile), row.try_get(3)?, || "a search term".to_owned())
            .and_then(|()| Ok((key, value, profile_id(profile)?)))
            .map_err(Fault::from);
        visit(told)
    })
    .await
}
