//! Walking the journal: every profile record, stream by stream in order, with the state before each.

use std::{collections::HashMap, sync::Arc};

use engine::{Message, Profile, Rules, record::Recorded};
use ledger::ProfileId;
use store::{BUCKETS, Buckets, Record, Stream};

use crate::{Environment, Result, batch};

/// Records read at once.
pub(super) const PAGE: usize = 2_000;

/// States held in memory at once; with more profiles than this the journal is walked in several shares.
const PROFILES_AT_ONCE: u64 = 100_000;

/// Shares of the profiles, each small enough to hold.
pub(super) async fn shares(environment: &Environment) -> Result<Vec<Buckets>> {
    let (_, profiles) = environment.store.behind_count([0; 32]).await?;
    let count =
        u16::try_from(profiles.div_ceil(PROFILES_AT_ONCE).clamp(1, u64::from(BUCKETS))).unwrap_or(BUCKETS);
    let width = BUCKETS.div_ceil(count);
    Ok((0..BUCKETS)
        .step_by(usize::from(width))
        .map(|from| Buckets { from, until: from.saturating_add(width).min(BUCKETS) })
        .collect())
}

/// Decodes a profile record.
pub(super) fn decode(record: &Record) -> Result<Option<Recorded>> {
    match record.stream {
        Stream::Profile(_) => Ok(Some(engine::record::decode(&record.header, record.body.as_deref())?)),
        Stream::Control | Stream::Quarantine(_) => Ok(None),
    }
}

/// The rules of the epochs that records name, looked up once each.
#[derive(Default)]
pub(super) struct RulesSeen(HashMap<u64, Arc<Rules>>);

impl RulesSeen {
    pub(super) async fn at(&mut self, environment: &Environment, epoch: u64) -> Result<Arc<Rules>> {
        if let Some(rules) = self.0.get(&epoch) {
            return Ok(Arc::clone(rules));
        }
        let rules = environment.epochs.rules(epoch).await?;
        self.0.insert(epoch, Arc::clone(&rules));
        Ok(rules)
    }
}

/// A profile's messages before a position of its stream: what an upgrade there had to read.
pub(super) async fn history_before(
    environment: &Environment,
    profile: ProfileId,
    n: u64,
) -> Result<Arc<[Message]>> {
    let records = batch::records(environment, profile).await?;
    batch::history_from(environment, records.into_iter().filter(|record| record.n < n).collect()).await
}

/// The state before a position of a stream, and the record there.
pub(super) async fn state_before(
    environment: &Environment,
    profile: ProfileId,
    n: u64,
) -> Result<Option<(Profile, Recorded)>> {
    let mut state = Profile::new(profile);
    for recorded in batch::records(environment, profile).await? {
        if recorded.n == n {
            return Ok(Some((state, recorded)));
        }
        engine::evolve(&mut state, &recorded);
    }
    Ok(None)
}
