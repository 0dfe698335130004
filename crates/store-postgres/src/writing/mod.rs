//! Changing an environment: batches beside each other, control changes and rebuilds alone.
//!
//! The order of locks, which every batch keeps: the environment's, counters, directory, profiles (with what
//! hangs on them), quarantine, sums; each sorted by key. Where the database finds a circle all the same (a
//! batch that asks counters twice may make one), it throws one batch out, and that is answered as a conflict.

pub(crate) mod batch;
pub(crate) mod control;
pub(crate) mod erase;
pub(crate) mod making;
pub(crate) mod plan;
pub(crate) mod rebuild;

use store::{Commit, Error, Identity};

use crate::{
    fault::{Fault, Result},
    pool::Lease,
    tables::head::Head,
};

/// A handle is bound to one incarnation: after a restore the environment must be opened again.
pub(crate) fn same_incarnation(identity: &Identity, head: Head) -> Result<()> {
    if head.incarnation == identity.incarnation {
        return Ok(());
    }
    let name = &identity.name;
    Err(Error::Closed(format!("environment `{name}` (it was restored from a backup; open it again)")).into())
}

/// Ends a transaction as its work came out. What the work said goes before what rolling back says.
pub(crate) async fn end(lease: &mut Lease, outcome: Result<Commit>) -> Result<Commit> {
    match outcome {
        Ok(Commit::Committed) => {
            lease.commit().await.map_err(unknown)?;
            Ok(Commit::Committed)
        }
        Ok(other) => {
            lease.rollback().await?;
            Ok(other)
        }
        Err(fault) => {
            // A connection that is gone has rolled back; the lease closes one that cannot.
            let _ = lease.rollback().await;
            if fault.is_conflict() { Ok(Commit::Conflict) } else { Err(fault) }
        }
    }
}

/// A commit that got no answer may have happened or not; the directory tells.
fn unknown(fault: Fault) -> Fault {
    match fault {
        Fault::Sql(error) if error.as_db_error().is_none() => Fault::Store(Error::Recovering(format!(
            "the connection to PostgreSQL was lost while committing ({}); whether it was done, the directory tells",
            crate::fault::said(&error)
        ))),
        other => other,
    }
}

/// Runs what the caller brought on a thread for such work.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        let said = match error.try_into_panic() {
            Ok(panic) => panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a word".to_owned()),
            Err(_) => return Fault::Store(Error::Recovering("this process is ending".to_owned())),
        };
        Fault::Store(Error::Panicked(said))
    })
}
