//! Walking the journal: every profile record, stream by stream in order, with the state before each.

use std::{collections::HashMap, sync::Arc};

use engine::{
    Message, Profile, Rules,
    record::{Opened, Recorded, Undecodable},
};
use ledger::ProfileId;
use store::{BUCKETS, Buckets, Cursor, Page, Record};
use tokio::task::JoinHandle;

use crate::{Environment, Error, Result, batch};

/// Records read at once: enough that those of a busy member are often together.
const RECORDS: usize = 10_000;

/// Records worked on before others get their turn: clients come first.
pub(super) const TURN: usize = 500;

/// Rows of profiles read at once.
pub(super) const PROFILES: usize = 2_000;

/// States held in memory at once; with more profiles than this the journal is walked in several shares.
const PROFILES_AT_ONCE: u64 = 100_000;

/// Shares of the profiles, each small enough to hold.
pub(super) async fn shares(environment: &Environment) -> Result<Vec<Buckets>> {
    let (_, profiles) = environment.store.behind_count([0; 32]).await?;
    Ok(split(profiles.div_ceil(PROFILES_AT_ONCE)))
}

/// All profiles in about so many shares; at least one, at most one a bucket.
pub(crate) fn split(count: u64) -> Vec<Buckets> {
    let count = u16::try_from(count.clamp(1, u64::from(BUCKETS))).unwrap_or(BUCKETS);
    let width = BUCKETS.div_ceil(count);
    (0..BUCKETS)
        .step_by(usize::from(width))
        .map(|from| Buckets { from, until: from.saturating_add(width).min(BUCKETS) })
        .collect()
}

/// The profile records of a share, page by page, in the order of each stream. While one page is worked on, the
/// next is read.
pub(crate) struct Pages {
    store: Arc<dyn store::Environment>,
    share: Buckets,
    reading: Option<JoinHandle<store::Result<Page<Record>>>>,
}

impl Pages {
    pub(crate) fn of(environment: &Environment, share: Buckets) -> Self {
        let mut pages = Self { store: Arc::clone(&environment.store), share, reading: None };
        pages.read(None);
        pages
    }

    fn read(&mut self, after: Option<Cursor>) {
        let (store, share) = (Arc::clone(&self.store), self.share);
        self.reading = Some(tokio::spawn(async move { store.scan(share, after, RECORDS).await }));
    }

    /// The next page; `None` after the last. Those of one stream are together in it, so that what they are about is
    /// at hand.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Record>>> {
        let Some(reading) = self.reading.take() else { return Ok(None) };
        let mut page =
            reading.await.map_err(|error| Error::Internal(format!("reading records: {error}")))??;
        if page.next.is_some() {
            self.read(page.next);
        }
        // Stable, so that the order within a stream stays.
        page.rows.sort_by_key(|record| record.stream);
        Ok(Some(page.rows))
    }
}

/// A record of a profile, opened.
pub(super) fn opened(record: &Record) -> Result<Opened<'_>, Undecodable> {
    engine::record::open(&record.header, record.body.as_deref())
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
