//! What happens after a failed write: nothing is acknowledged until a new connection has proved that all
//! that was acknowledged before is there.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use store::{Error, Result};

use super::Writer;
use crate::{connection, fault::Fault, recent::Recent, tables::position::Position};

const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Why the writer has no connection, and when it tries again.
pub(crate) struct Broken {
    why: Error,
    pause: Duration,
    retry_at: Instant,
}

impl Writer {
    /// Gives the connection up.
    pub(super) fn poison(&mut self, fault: Fault, doing: &str) -> Error {
        self.connection = None;
        let error = fault.told(&self.identity.name, doing);
        let pause = self.broken.as_ref().map_or(PAUSE_MIN, |before| (before.pause * 2).min(PAUSE_MAX));
        tracing::error!(environment = self.identity.name, %error, "a write failed; nothing is acknowledged until the store is open again");
        let answer = error.shared();
        self.broken = Some(Broken { why: error, pause, retry_at: Instant::now() + pause });
        answer
    }

    /// The connection, opened again if it was given up and it is time.
    pub(super) fn ready(&mut self) -> Result<&mut Connection> {
        if self.connection.is_none() {
            if let Some(broken) = &self.broken
                && Instant::now() < broken.retry_at
            {
                return Err(broken.why.shared());
            }
            match self.reopen() {
                Ok(connection) => self.connection = Some(connection),
                Err(Fault::Store(error)) => return Err(error),
                Err(fault) => return Err(self.poison(fault, "opening again")),
            }
        }
        self.connection.as_mut().ok_or_else(|| Error::Recovering("the store is not open".to_owned()))
    }

    fn reopen(&self) -> Result<Connection, Fault> {
        let connection = connection::writing(&self.folder.store(&self.identity.name), &self.options)?;
        let position = Position::read(&connection)?;
        // More may be there: a commit whose answer was lost. Less may not.
        if position.changes < self.position.changes || position.seq < self.position.seq {
            return Err(Error::Rewound {
                what: format!("the data file of environment `{}`", self.identity.name),
                detail: format!(
                    "after a failed write it ends at record {}, record {} has been acknowledged; restore a backup",
                    position.seq, self.position.seq
                ),
            }
            .into());
        }
        // What a commit claimed whose answer was lost is there as well.
        *self.recent.write() = Recent::load(&connection, self.options.keys_gathered)?;
        tracing::info!(environment = self.identity.name, "the store is open again");
        Ok(connection)
    }
}
