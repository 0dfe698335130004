//! One file a table or two that go together: how its rows are written, read and checked.

pub(crate) mod configuration;
pub(crate) mod control;
pub(crate) mod counters;
pub(crate) mod directory;
pub(crate) mod due;
pub(crate) mod erasures;
pub(crate) mod feed;
pub(crate) mod gone;
pub(crate) mod head;
pub(crate) mod identity;
pub(crate) mod journal;
pub(crate) mod manifests;
pub(crate) mod memberships;
pub(crate) mod nodes;
pub(crate) mod outbox;
pub(crate) mod outside;
pub(crate) mod profiles;
pub(crate) mod quarantine;
pub(crate) mod quarantine_streams;
pub(crate) mod rehearsals;
pub(crate) mod scan;
pub(crate) mod search;
pub(crate) mod shards;
pub(crate) mod sums;

use futures_util::TryStreamExt;
use tokio_postgres::Row;

use crate::{
    fault::Result,
    session::{Param, Session},
};

/// Calls `visit` for every row of a query, without holding them all.
pub(crate) async fn each_row(
    session: &Session,
    sql: &str,
    params: &[Param<'_>],
    mut visit: impl FnMut(&Row) -> Result<()> + Send,
) -> Result<()> {
    let rows = session.client().query_raw(sql, params.iter().copied()).await?;
    let mut rows = Box::pin(rows);
    while let Some(row) = rows.try_next().await? {
        visit(&row)?;
    }
    Ok(())
}

/// The bucket of an event in quarantine, by the hash that names it: as a profile's.
pub(crate) fn bucket_of(hash: &[u8; 16]) -> i16 {
    bucket(ledger::ProfileId(*hash))
}

/// A profile's bucket, as its column has it.
pub(crate) fn bucket(profile: ledger::ProfileId) -> i16 {
    i16::try_from(store::bucket(profile)).unwrap_or(i16::MAX)
}
