//! Walking the journal: members' streams one after the other, or all records in the order in which they were made.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use engine::{
    Message, Profile, Rules,
    record::{Opened, Recorded, Undecodable},
};
use ledger::ProfileId;
use store::{BUCKETS, Buckets, Cursor, Direction, Life, Page, Record};
use tokio::task::JoinHandle;

use crate::{Environment, Error, Result, batch};

/// Records read at once.
const RECORDS: usize = 10_000;

/// The same where clients' own short reads wait behind it.
const RECORDS_OF_FEED: usize = 1_000;

/// Records worked on before others get their turn: clients come first.
pub(super) const TURN: usize = 500;

/// All profiles in about so many shares; at least one, at most one a bucket.
pub(crate) fn split(count: u64) -> Vec<Buckets> {
    let count = u16::try_from(count.clamp(1, u64::from(BUCKETS))).unwrap_or(BUCKETS);
    let width = BUCKETS.div_ceil(count);
    (0..BUCKETS)
        .step_by(usize::from(width))
        .map(|from| Buckets { from, until: from.saturating_add(width).min(BUCKETS) })
        .collect()
}

type Reading<T> = Pin<Box<dyn Future<Output = store::Result<Page<T>>> + Send>>;

/// A list page by page. While one page is worked on, the next is read.
pub(crate) struct Pages<T> {
    read: Box<dyn Fn(Option<Cursor>) -> Reading<T> + Send + Sync>,
    reading: Option<JoinHandle<store::Result<Page<T>>>>,
}

impl<T: Send + 'static> Pages<T> {
    fn by(read: impl Fn(Option<Cursor>) -> Reading<T> + Send + Sync + 'static) -> Self {
        let reading = Some(tokio::spawn(read(None)));
        Self { read: Box::new(read), reading }
    }

    /// The next page; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<T>>> {
        let Some(reading) = self.reading.take() else { return Ok(None) };
        let page = reading.await.map_err(|error| Error::Internal(format!("reading records: {error}")))??;
        if page.next.is_some() {
            self.reading = Some(tokio::spawn((self.read)(page.next)));
        }
        Ok(Some(page.rows))
    }
}

/// Members' streams, one after the other.
pub(super) fn lives(environment: &Environment) -> Pages<Life> {
    let store = Arc::clone(&environment.store);
    Pages::by(move |after| {
        let store = Arc::clone(&store);
        Box::pin(async move { store.lives(after, RECORDS).await })
    })
}

/// The profile records of a share, in the order of each stream.
pub(crate) fn share(environment: &Environment, share: Buckets) -> Pages<Record> {
    let store = Arc::clone(&environment.store);
    Pages::by(move |after| {
        let store = Arc::clone(&store);
        Box::pin(async move { store.scan(share, after, RECORDS).await })
    })
}

/// All records of profiles and of quarantined events, about in the order in which they were made.
pub(super) fn feed(environment: &Environment) -> Pages<Record> {
    let store = Arc::clone(&environment.store);
    Pages::by(move |after| {
        let store = Arc::clone(&store);
        Box::pin(async move {
            let mut page = store.feed(Direction::Forward, after, RECORDS_OF_FEED).await?;
            // A feed never ends; whoever goes through history is done when there is no more for now.
            if page.rows.is_empty() {
                page.next = None;
            }
            Ok(page)
        })
    })
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
