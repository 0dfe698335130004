//! After an erasure: what the database keeps of rows that nobody can see any more.
//!
//! An update leaves the old version of its row in the page until a `VACUUM` takes it out. The server does that
//! when it finds time; after an erasure it is asked for at once, as the installing role, which owns the tables.
//! Its pages then hold the bytes no longer, or as rubbish that the next rows overwrite. What the server's own
//! log, its backups and its replicas hold goes as they are recycled.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use crate::{
    fault::{Fault, Result},
    pool::{Lane, Pool, quoted},
};

const IDLE: u8 = 0;
const SWEEPING: u8 = 1;
const AGAIN: u8 = 2;

/// Tables in which an erasure leaves something behind.
const TABLES: [&str; 7] =
    ["journal", "profile", "membership", "search", "outbox", "quarantine", "quarantine_stream"];

/// Sweeps the tables of one environment, one sweep at a time.
pub(crate) struct Sweeper {
    pool: Arc<Pool>,
    environment: String,
    schema: String,
    state: AtomicU8,
}

impl Sweeper {
    pub(crate) fn new(pool: Arc<Pool>, environment: &str, schema: &str) -> Self {
        let (environment, schema) = (environment.to_owned(), schema.to_owned());
        Self { pool, environment, schema, state: AtomicU8::new(IDLE) }
    }

    /// Asks for a sweep that begins after now.
    pub(crate) fn ask(self: &Arc<Self>) {
        if self.state.swap(AGAIN, Ordering::AcqRel) == IDLE {
            let sweeper = Arc::clone(self);
            tokio::spawn(async move { sweeper.run().await });
        }
    }

    async fn run(&self) {
        loop {
            self.state.store(SWEEPING, Ordering::Release);
            if let Err(fault) = self.sweep().await {
                let error = fault.told_of(&self.environment, "sweeping after an erasure");
                tracing::warn!(environment = self.environment, %error, "left to the server's own autovacuum");
            }
            let done = self.state.compare_exchange(SWEEPING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if done.is_ok() {
                return;
            }
        }
    }

    async fn sweep(&self) -> Result<()> {
        let mut lease = self.pool.lease(Lane::Long).await.map_err(Fault::from)?;
        // Set for this work only: the connection is not used again.
        lease.dirty();
        lease.plain("SET statement_timeout = 0").await?;
        for table in TABLES {
            lease.plain(&format!("VACUUM (TRUNCATE false) {}.{table}", quoted(&self.schema))).await?;
        }
        Ok(())
    }
}
