//! Bringing a schema to today's version beside others who hold locks on it: a dump, a report that somebody runs by hand,
//! nodes of an older build.
//!
//! A statement that waits for a table's lock makes everybody wait who comes after it. So each attempt waits for no longer
//! than anything else does, lets the others through, and is made again; in the end whoever is in the way is named.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use store::Error;
use tokio_postgres::error::SqlState;

use crate::{
    Options,
    fault::Result,
    pool::{Lane, Lease, Pool, quoted},
    schema,
    session::Session,
};

/// How often somebody looks at who is in the way.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two attempts, for those who queue behind it.
const LET_THROUGH: Duration = Duration::from_secs(1);

/// A schema, and where it is to come to.
pub(crate) struct Migration<'a> {
    pub(crate) schema: &'a str,
    pub(crate) steps: &'static [&'static str],
    /// Which schema, for people.
    pub(crate) what: &'a str,
    /// The role that works in it, of an environment's.
    pub(crate) role: Option<&'a str>,
}

impl Migration<'_> {
    /// Makes attempts until one comes through, or time is up.
    pub(crate) async fn run(&self, pool: &Arc<Pool>, options: &Options) -> Result<()> {
        let begun = Instant::now();
        let mut known = String::new();
        loop {
            let mut lease = pool.lease(Lane::Short).await?;
            lease.dirty();
            let (outcome, in_the_way) = self.watched(&mut lease, pool).await;
            let fault = match outcome {
                Err(fault) if fault.is(&SqlState::LOCK_NOT_AVAILABLE) => fault,
                ended => return ended,
            };
            lease.rollback().await?;
            drop(lease);
            let Some(in_the_way) = in_the_way else { return Err(fault) };
            if begun.elapsed() >= options.migration_wait {
                return Err(Error::Recovering(format!(
                    "{} has to be migrated, and has waited {:?} for a lock on it: {in_the_way}. Let that end, or end it \
                     (`SELECT pg_terminate_backend(PID)`), and start again",
                    self.what, options.migration_wait
                ))
                .into());
            }
            if in_the_way != known {
                tracing::warn!(what = self.what, in_the_way, "to be migrated, and waits for a lock");
                known = in_the_way;
            }
            tokio::time::sleep(LET_THROUGH.min(options.migration_wait)).await;
        }
    }

    /// One attempt, and who was in its way at last.
    async fn watched(&self, lease: &mut Lease, pool: &Arc<Pool>) -> (Result<()>, Option<String>) {
        let pid = match own_pid(lease).await {
            Ok(pid) => pid,
            Err(fault) => return (Err(fault), None),
        };
        let mut in_the_way = None;
        let mut attempt = std::pin::pin!(self.attempt(lease));
        loop {
            tokio::select! {
                outcome = &mut attempt => return (outcome, in_the_way),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            // That it cannot be told must not end the attempt.
            if let Ok(Some(who)) = blocking(pool, pid).await {
                in_the_way = Some(who);
            }
        }
    }

    async fn attempt(&self, lease: &mut Lease) -> Result<()> {
        schema::begin(lease).await?;
        if self.role.is_none() {
            lease.plain(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(self.schema))).await?;
        }
        schema::migrate(lease, self.schema, self.steps, self.what).await?;
        if let Some(role) = self.role {
            schema::grant(lease, self.schema, role).await?;
        }
        lease.commit().await
    }
}

async fn own_pid(session: &Session) -> Result<i32> {
    let row = session.query_opt("SELECT pg_backend_pid()", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get(0))?)
}

/// Whom a connection waits for, for people. Of other roles' sessions an ordinary role sees no more than this.
async fn blocking(pool: &Arc<Pool>, pid: i32) -> Result<Option<String>> {
    let sql = "SELECT one.pid, usename::text, application_name, extract(epoch FROM now() - xact_start)::bigint
               FROM unnest(pg_blocking_pids($1)) AS one (pid) LEFT JOIN pg_stat_activity AS there ON there.pid = one.pid
               GROUP BY 1, 2, 3, 4 ORDER BY 1";
    let lease = pool.lease(Lane::Short).await?;
    let mut told = String::new();
    for row in lease.query(sql, &[&pid]).await? {
        let pid: i32 = row.try_get(0)?;
        let role: Option<String> = row.try_get(1)?;
        let application: Option<String> = row.try_get(2)?;
        let seconds: Option<i64> = row.try_get(3)?;
        let and = if told.is_empty() { "" } else { ", and " };
        let _ = match role {
            // Nobody's session: it was prepared.
            None => write!(told, "{and}a prepared transaction has it (`pg_prepared_xacts`)"),
            Some(role) => write!(told, "{and}process {pid} has it (role `{role}`"),
        };
        if let Some(application) = application.filter(|name| !name.is_empty()) {
            let _ = write!(told, ", application `{application}`");
        }
        if let Some(seconds) = seconds {
            let _ = write!(told, ", in a transaction for {seconds} s");
        }
        if pid != 0 {
            told.push(')');
        }
    }
    Ok((!told.is_empty()).then_some(told))
}
