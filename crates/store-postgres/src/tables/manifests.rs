//! How many profiles stand at which manifest.

use std::collections::BTreeMap;

use ledger::ProfileId;
use store::{
    NO_MANIFEST,
    encoding::{array, limit as bound, profile_id, uint},
};

use super::shards::{mirrored, salt, verified};
use crate::{
    fault::Result,
    session::{Call, Session},
};

const TABLE: &str = "manifest";

const ADD: &str = "INSERT INTO manifest (hash, shard, profiles, mirror)
    SELECT hash, $2, profiles, mirror FROM unnest($1::bytea[], $3::bigint[], $4::bigint[]) AS u (hash, profiles, mirror)
    ON CONFLICT (hash, shard) DO UPDATE
    SET profiles = manifest.profiles + excluded.profiles,
        mirror = (manifest.profiles + excluded.profiles) # (excluded.profiles # excluded.mirror)
    WHERE manifest.profiles # manifest.mirror = excluded.profiles # excluded.mirror";

/// Changes gathered over a commit.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<Vec<u8>, i64>);

impl Counts {
    pub(crate) fn add(&mut self, hash: &[u8], change: i64) {
        if let Some(count) = self.0.get_mut(hash) {
            *count += change;
        } else {
            self.0.insert(hash.to_vec(), change);
        }
    }

    /// As columns, for a shard.
    pub(crate) fn columns(&self, shard: i16) -> Columns {
        let mut columns = Columns { shard, ..Columns::default() };
        for (hash, change) in self.0.iter().filter(|(_, change)| **change != 0) {
            columns.hash.push(hash.clone());
            columns.profiles.push(*change);
            columns.mirror.push(mirrored(*change, salt(TABLE, hash, shard)));
        }
        columns
    }
}

/// The same, ready to be written.
#[derive(Default)]
pub(crate) struct Columns {
    shard: i16,
    pub(crate) hash: Vec<Vec<u8>>,
    profiles: Vec<i64>,
    mirror: Vec<i64>,
}

impl Columns {
    pub(crate) fn add(&self) -> Call<'_> {
        Call::With(ADD, vec![&self.hash, &self.shard, &self.profiles, &self.mirror])
    }
}

/// Every manifest with how many profiles are said to stand at it.
pub(crate) async fn counted(session: &Session) -> Result<BTreeMap<[u8; 32], u64>> {
    let rows = session.query("SELECT hash, shard, profiles, mirror FROM manifest", &[]).await?;
    let mut sums: BTreeMap<[u8; 32], i64> = BTreeMap::new();
    for row in &rows {
        let hash: &[u8] = row.try_get(0)?;
        let profiles =
            verified(row.try_get(2)?, row.try_get(3)?, salt(TABLE, hash, row.try_get(1)?), || {
                format!("the count of profiles at manifest {}", store::encoding::hex(hash))
            })?;
        *sums.entry(array(hash)?).or_default() += profiles;
    }
    sums.retain(|_, profiles| *profiles != 0);
    sums.into_iter().map(|(hash, profiles)| Ok((hash, uint(profiles)?))).collect()
}

/// The same, counted from the rows.
pub(crate) async fn found(session: &Session) -> Result<BTreeMap<[u8; 32], u64>> {
    let rows = session.query("SELECT manifest, count(*) FROM profile GROUP BY manifest", &[]).await?;
    rows.iter().map(|row| Ok((array(row.try_get(0)?)?, uint(row.try_get(1)?)?))).collect()
}

/// Counts them anew, into shard 0 (rebuilding; the table is empty).
pub(crate) async fn recount(session: &Session) -> Result<()> {
    let mut counts = Counts::default();
    for (hash, profiles) in found(session).await? {
        counts.add(&hash, i64::try_from(profiles).unwrap_or(i64::MAX));
    }
    let columns = counts.columns(0);
    session.flight(&[columns.add()]).await?;
    Ok(())
}

/// Profiles last decided under another manifest.
pub(crate) async fn behind(session: &Session, manifest: &[u8; 32], limit: usize) -> Result<Vec<ProfileId>> {
    let mut found = Vec::new();
    for (hash, _) in
        counted(session).await?.into_iter().filter(|(hash, _)| hash != manifest && *hash != NO_MANIFEST)
    {
        let rows = session
            .query(
                "SELECT id FROM profile WHERE manifest = $1 LIMIT $2",
                &[&hash.as_slice(), &bound(limit - found.len())],
            )
            .await?;
        for row in &rows {
            found.push(profile_id(row.try_get(0)?)?);
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// How many those are, and how many profiles there are.
pub(crate) async fn behind_count(session: &Session, manifest: &[u8; 32]) -> Result<(u64, u64)> {
    let counts = counted(session).await?;
    let all: u64 = counts.values().sum();
    let behind = counts.iter().filter(|(hash, _)| *hash != manifest && **hash != NO_MANIFEST);
    Ok((behind.map(|(_, count)| count).sum(), all))
}
