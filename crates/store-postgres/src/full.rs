//! Whether the server's disk was full when something was last to be written. Reading does not show it, and whoever asks
//! whether events can be taken must not be told yes as long as every commit fails.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use store::{Commit, Error, Result};

use crate::{fault, pool::Lease};

/// How long it is believed without trying again: perhaps nobody sends anything as long as it is told.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Writes what needs new pages, and takes it back.
const TRY: &str = "BEGIN;
    INSERT INTO checkpoint (name, position, crc)
    SELECT '(is there room)', string_agg(md5(random()::text), ''), 0 FROM generate_series(1, 4096);
    ROLLBACK";

/// What is known of it.
#[derive(Default)]
pub(crate) struct Full(Mutex<Option<(String, Instant)>>);

impl Full {
    fn known(&self) -> MutexGuard<'_, Option<(String, Instant)>> {
        // Nothing in there is ever half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears how a write came out.
    pub(crate) fn hear(&self, told: &Result<Commit>) {
        match told {
            Ok(Commit::Committed) => *self.known() = None,
            Err(Error::Full(what)) => *self.known() = Some((what.clone(), Instant::now())),
            _ => {}
        }
    }

    /// Whether it is full as far as is known, and whether it is time to try.
    pub(crate) fn is(&self) -> Option<(Error, bool)> {
        let known = self.known();
        known.as_ref().map(|(what, at)| (Error::Full(what.clone()), at.elapsed() >= TRY_AGAIN))
    }
}

/// Tries whether there is room again.
pub(crate) async fn has_room(lease: &mut Lease) -> fault::Result<Commit> {
    lease.dirty();
    let tried = lease.plain(TRY).await;
    if tried.is_err() {
        let _ = lease.rollback().await;
    } else {
        lease.clean();
    }
    tried.map(|()| Commit::Committed)
}
