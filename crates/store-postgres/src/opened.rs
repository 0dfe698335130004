//! An environment that is open in this process: its pool, shared by all its handles.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use store::{Error, Identity, Result};

use crate::{
    Options,
    address::Address,
    elsewhere::Followers,
    fault::{Fault, damaged},
    full::Full,
    pool::{Lane, Login, Pool},
    registry::Entry,
    spread::Spread,
    sweeper::Sweeper,
    tables::{counters::Habits, identity},
};

/// An environment that is open here.
pub(crate) struct Opened {
    pub(crate) identity: Identity,
    pub(crate) pool: Arc<Pool>,
    pub(crate) habits: Habits,
    pub(crate) full: Full,
    pub(crate) spread: Spread,
    pub(crate) sweeper: Arc<Sweeper>,
    pub(crate) followers: Followers,
    handles: AtomicUsize,
}

impl Opened {
    /// Logs in as the environment's role, and checks that its schema is the right one.
    pub(crate) async fn open(
        entry: &Entry,
        address: &Address,
        installing: &Arc<Pool>,
        options: &Options,
    ) -> Result<Arc<Self>> {
        let name = &entry.row.name;
        let login = Login {
            config: address.role(&entry.role, &entry.password),
            tls: address.tls.clone(),
            schema: entry.schema.clone(),
            whose: format!("environment `{name}`"),
            to: address.shown_as(&entry.role),
            own_role: Some(entry.role.clone()),
        };
        let pool = Arc::new(Pool::new(login, options.connections_max, options));
        let identity = {
            let lease = pool.lease(Lane::Short).await?;
            let told = |fault: Fault| fault.told_of(name, "opening its store");
            let found = identity::read(&lease).await.map_err(told)?;
            found.ok_or_else(|| {
                told(damaged(
                    format!("schema {} of environment `{name}`", entry.schema),
                    "it has no identity",
                ))
            })?
        };
        if identity.id != entry.row.id || identity.name != *name || identity.live != entry.row.live {
            return Err(Error::Refused(format!(
                "schema {} holds environment `{}`, the registry says `{name}`; put the right one back",
                entry.schema, identity.name
            )));
        }
        let sweeper = Arc::new(Sweeper::new(Arc::clone(installing), name, &entry.schema));
        let (habits, full, followers) = (Habits::default(), Full::default(), Followers::default());
        let (spread, handles) = (Spread::over(options.distributed_over), AtomicUsize::new(0));
        Ok(Arc::new(Self { identity, pool, habits, full, spread, sweeper, followers, handles }))
    }

    /// One handle more; false when the last one has gone meanwhile.
    pub(crate) fn join(&self, first: bool) -> bool {
        let more = |handles| (first || handles > 0).then_some(handles + 1);
        self.handles.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// One handle less; whether it was the last.
    pub(crate) fn leave(&self) -> bool {
        self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether any handle is open.
    pub(crate) fn serves(&self) -> bool {
        self.handles.load(Ordering::Acquire) > 0
    }
}
