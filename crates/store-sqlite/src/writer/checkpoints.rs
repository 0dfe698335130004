//! Carrying the log over into the data file, beside the writer: a thread with a connection of its own.
//!
//! `SQLite` would do it within a commit, and everybody would wait for it. Here the thread does the great part of it
//! while commits go on; what they have added meanwhile the writer carries over itself, which is little, so that
//! the log is empty at that moment and begins again at its start.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use store::{Error, Result};

use crate::{Options, connection, fault};

/// The thread, as the writer sees it.
pub(super) struct Checkpoints {
    committed: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    little_left: Arc<AtomicBool>,
}

impl Checkpoints {
    pub(super) fn start(name: &str, path: PathBuf, options: Options) -> Result<Self> {
        let (send, receive) = mpsc::sync_channel(1);
        let little_left = Arc::new(AtomicBool::new(false));
        let left = Arc::clone(&little_left);
        let environment = name.to_owned();
        let run = move || {
            let mut connection = None;
            while receive.recv().is_ok() {
                match carry_over(&mut connection, &path, &options) {
                    Ok(true) => left.store(true, Ordering::Release),
                    Ok(false) => {}
                    Err(fault) => {
                        // The writer does it when the log has grown too long.
                        let error = fault.told(&environment, "carrying the log over");
                        tracing::debug!(environment, %error, "the log could not be carried over");
                        connection = None;
                    }
                }
            }
        };
        let thread = thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(run)
            .map_err(|e| Error::Backend { doing: "starting a thread".to_owned(), source: Box::new(e) })?;
        Ok(Self { committed: Some(send), thread: Some(thread), little_left })
    }

    /// A commit has added to the log.
    pub(super) fn committed(&self, connection: &Connection) {
        if self.little_left.swap(false, Ordering::AcqRel) {
            // What the thread could not: the writer does not write meanwhile. A reader may be in the way; then
            // it is done at the next turn.
            let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            if let Err(error) = done {
                tracing::debug!(%error, "the log could not be carried over");
            }
        }
        if let Some(committed) = &self.committed {
            // Full: it looks anyway.
            let _ = committed.try_send(());
        }
    }

    /// Ends the thread after what it is doing.
    pub(super) fn stop(&mut self) {
        self.committed = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Carries over what is in the log if it is enough; whether it was.
fn carry_over(connection: &mut Option<Connection>, path: &Path, options: &Options) -> fault::Result<bool> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connection::carrying(path)?),
    };
    let pages = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (log, done) = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], pages)?;
    if log - done < connection::log_pages(options) {
        return Ok(false);
    }
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(true)
}
