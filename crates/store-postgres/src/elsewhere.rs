//! What other processes commit: the feed, without the batches that were begun here.
//!
//! A batch draws its number before anybody can see its rows. Whoever follows is told the numbers drawn here, and so
//! knows for certain which batches are not of here, without a word about it in the store.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use async_trait::async_trait;
use store::{Error, Record, Result};

use crate::{
    fault::{self, Fault},
    opened::Opened,
    pool::Lane,
    session::Session,
    tables::{feed, journal},
};

/// Numbers of batches begun here that a follower has yet to come to.
#[derive(Default)]
struct Own(Mutex<BTreeSet<i64>>);

impl Own {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who follows an environment from this process.
#[derive(Default)]
pub(crate) struct Followers(Mutex<Vec<Weak<Own>>>);

impl Followers {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Own>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self) -> Arc<Own> {
        let own = Arc::new(Own::default());
        self.lock().push(Arc::downgrade(&own));
        own
    }

    /// A batch has drawn its number here. To be said before it is committed.
    pub(crate) fn begun(&self, batch: i64) {
        self.lock().retain(|follower| follower.upgrade().is_some_and(|own| own.lock().insert(batch)));
    }
}

/// Follows the others.
pub(crate) struct Following {
    opened: Arc<Opened>,
    own: Arc<Own>,
    /// The last place of the feed that has been looked at.
    after: i64,
}

impl Following {
    /// From now on.
    pub(crate) async fn begin(opened: &Arc<Opened>) -> Result<Self> {
        let opened = Arc::clone(opened);
        // In this order: a batch that began here between the two would pass for another's.
        let own = opened.followers.join();
        let lease = opened.pool.lease(Lane::Short).await?;
        let after = feed::settled(&lease, feed::class(&opened.identity.id)).await;
        let after = after.map_err(|fault| told(&opened, fault))?;
        Ok(Self { opened, own, after })
    }

    async fn read(&mut self, session: &Session, limit: usize) -> fault::Result<Vec<Record>> {
        let end = feed::settled(session, feed::class(&self.opened.identity.id)).await?;
        if end <= self.after {
            return Ok(Vec::new());
        }
        // Whatever can be read by now has said its number before.
        let own: Vec<i64> = self.own.lock().range(..=feed::batch(end)).copied().collect();
        let rows = journal::feed_without(session, self.after, end, &own, limit).await?;
        self.after = rows.last().filter(|_| rows.len() >= limit).map_or(end, |(place, _)| *place);
        let mut own = self.own.lock();
        *own = own.split_off(&feed::batch(self.after));
        Ok(rows.into_iter().map(|(_, record)| record).collect())
    }
}

#[async_trait]
impl store::Elsewhere for Following {
    async fn next(&mut self, limit: usize) -> Result<Vec<Record>> {
        let lease = self.opened.pool.lease(Lane::Short).await?;
        let read = self.read(&lease, limit).await;
        read.map_err(|fault| told(&self.opened, fault))
    }
}

fn told(opened: &Opened, fault: Fault) -> Error {
    fault.told_of(&opened.identity.name, "reading what other nodes have committed")
}
