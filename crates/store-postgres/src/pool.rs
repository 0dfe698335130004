//! A bounded set of connections of one role, opened as they are needed and opened again when they are lost.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use store::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio_postgres::Config;

use crate::{Options, fault, fault::Fault, session::Session, tables::shards::SHARDS, tls::Tls};

const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What is needed to open a connection.
pub(crate) struct Login {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    /// The schema it works in.
    pub(crate) schema: String,
    /// Whose connections these are, for people.
    pub(crate) whose: String,
    /// Where they go, for the log: without the password.
    pub(crate) to: String,
    /// The role, if it is one that Greenroom made.
    pub(crate) own_role: Option<String>,
}

/// Why no connection could be opened, and when that is tried again.
struct Broken {
    why: Error,
    pause: Duration,
    retry_at: Instant,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    broken: Option<Broken>,
    shard: i16,
    /// A connection has been opened before.
    served: bool,
}

/// The connections.
pub(crate) struct Pool {
    login: Login,
    options: Options,
    size: usize,
    permits: Arc<Semaphore>,
    long: Arc<Semaphore>,
    state: Mutex<State>,
    closed: AtomicBool,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Something that is done at once.
    Short,
    /// Something that takes its time; only a few of them run together, so that short ones find a connection.
    Long,
}

impl Pool {
    pub(crate) fn new(login: Login, size: usize, options: &Options) -> Self {
        let size = size.max(1);
        // Shards differ between processes too.
        let mut random = [0; 1];
        let _ = getrandom::fill(&mut random);
        let state = State { shard: i16::from(random[0]) % SHARDS, ..State::default() };
        Self {
            login,
            options: options.clone(),
            size,
            permits: Arc::new(Semaphore::new(size)),
            long: Arc::new(Semaphore::new(options.long_max.clamp(1, (size - 1).max(1)))),
            state: Mutex::new(state),
            closed: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in there is ever half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> Error {
        Error::Closed(self.login.whose.clone())
    }

    async fn permit(&self, of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        match Arc::clone(of).try_acquire_owned() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(self.gone()),
            Err(TryAcquireError::NoPermits) => {}
        }
        let wait = self.options.statement_timeout + self.options.lock_timeout;
        match tokio::time::timeout(wait, Arc::clone(of).acquire_owned()).await {
            Ok(permit) => permit.map_err(|_| self.gone()),
            Err(_) => Err(Error::Recovering(format!(
                "{}: all {} connections have been busy for {wait:?}",
                self.login.whose, self.size
            ))),
        }
    }

    /// A connection, for as long as it is held.
    pub(crate) async fn lease(self: &Arc<Self>, lane: Lane) -> Result<Lease> {
        let long = if lane == Lane::Long { Some(self.permit(&self.long).await?) } else { None };
        let permit = self.permit(&self.permits).await?;
        let idle = {
            let mut state = self.state();
            state.idle.retain(|session| !session.is_closed());
            if let Some(broken) = &state.broken
                && state.idle.is_empty()
                && Instant::now() < broken.retry_at
            {
                return Err(broken.why.shared());
            }
            state.idle.pop()
        };
        let session = match idle {
            Some(session) => session,
            None => self.open().await?,
        };
        Ok(Lease { session: Some(session), pool: Arc::clone(self), dirty: false, _permits: (permit, long) })
    }

    async fn open(&self) -> Result<Session> {
        match self.log_in().await {
            Ok(session) => {
                let mut state = self.state();
                state.served = true;
                if state.broken.take().is_some() {
                    tracing::info!(store = self.login.whose, at = self.login.to, "PostgreSQL answers again");
                }
                Ok(session)
            }
            Err(fault) => {
                let whose = &self.login.whose;
                let own_role = self.login.own_role.as_deref();
                let why = own_role
                    .and_then(|role| fault::own_role_refused(&fault, whose, role))
                    .unwrap_or_else(|| fault.told(whose, "connecting"));
                let mut state = self.state();
                let pause =
                    state.broken.as_ref().map_or(PAUSE_MIN, |before| (before.pause * 2).min(PAUSE_MAX));
                tracing::warn!(store = whose, at = self.login.to, error = %why, "no connection; trying again in {pause:?}");
                let answer = why.shared();
                // At the very first it is told as it is: a wrong password stays one. Later it is trouble that
                // passes, and no fault of the caller.
                let first = state.broken.is_none() && !state.served;
                state.broken = Some(Broken { why, pause, retry_at: Instant::now() + pause });
                if first && let Some(broken) = &state.broken {
                    return Err(same(&broken.why).unwrap_or(answer));
                }
                Err(answer)
            }
        }
    }

    async fn log_in(&self) -> fault::Result<Session> {
        let opening = self.login.config.connect(self.login.tls.clone());
        let limit = self.options.connect_timeout * 2;
        let (client, connection) = tokio::time::timeout(limit, opening).await.map_err(|_| {
            Fault::Store(Error::Recovering(format!("{}: PostgreSQL does not answer", self.login.whose)))
        })??;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = fault::said(&error), "a connection ended");
            }
        });
        let shard = {
            let mut state = self.state();
            state.shard = (state.shard + 1) % SHARDS;
            state.shard
        };
        let session = Session::new(client, shard);
        session.plain(&self.settings()).await?;
        Ok(session)
    }

    /// What every connection is set to. All that we join is keys with the table that has them: by its index,
    /// whatever the server thinks of a table that is new.
    fn settings(&self) -> String {
        let Options { statement_timeout, lock_timeout, idle_timeout, .. } = &self.options;
        format!(
            "SET search_path TO {};
             SET statement_timeout = {};
             SET lock_timeout = {};
             SET idle_in_transaction_session_timeout = {};
             SET client_min_messages = warning;
             SET enable_hashjoin = off;
             SET enable_mergejoin = off;
             SET default_transaction_isolation = 'read committed';
             SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') IN ('off', 'local');",
            quoted(&self.login.schema),
            statement_timeout.as_millis(),
            lock_timeout.as_millis(),
            idle_timeout.as_millis(),
        )
    }

    /// Waits until what is under way has ended, and lets all connections go.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        let wait = self.options.statement_timeout;
        let ended = tokio::time::timeout(wait, self.permits.acquire_many(all)).await;
        self.drop_all();
        drop(ended);
    }

    /// Lets all connections go; what is under way loses its own when it ends.
    pub(crate) fn drop_all(&self) {
        self.closed.store(true, Ordering::Release);
        self.permits.close();
        self.long.close();
        self.state().idle.clear();
    }
}

/// The errors that say more than "later": for whoever met them first.
fn same(error: &Error) -> Option<Error> {
    match error {
        Error::Refused(why) => Some(Error::Refused(why.clone())),
        Error::Missing(what) => Some(Error::Missing(what.clone())),
        _ => None,
    }
}

/// A name in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A connection that is in use. It goes back when this is dropped, unless a transaction is open on it: then it
/// is closed, and the server rolls back.
pub(crate) struct Lease {
    session: Option<Session>,
    pool: Arc<Pool>,
    dirty: bool,
    _permits: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl Lease {
    /// From now on a transaction may be open.
    pub(crate) fn dirty(&mut self) {
        self.dirty = true;
    }

    /// The transaction has ended well.
    pub(crate) fn clean(&mut self) {
        self.dirty = false;
    }

    /// Begins a transaction that reads one moment, however long it takes.
    pub(crate) async fn begin_reading(&mut self) -> fault::Result<()> {
        self.dirty();
        self.plain(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;
             SET LOCAL idle_in_transaction_session_timeout = '60s'",
        )
        .await
    }

    pub(crate) async fn commit(&mut self) -> fault::Result<()> {
        self.plain("COMMIT").await?;
        self.clean();
        Ok(())
    }

    pub(crate) async fn rollback(&mut self) -> fault::Result<()> {
        self.plain("ROLLBACK").await?;
        self.clean();
        Ok(())
    }
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        match &self.session {
            Some(session) => session,
            None => unreachable!("a session is taken out only when its lease is dropped"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && !self.dirty
            && !session.is_closed()
            && !self.pool.closed.load(Ordering::Acquire)
        {
            self.pool.state().idle.push(session);
        }
    }
}
