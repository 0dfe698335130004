//! Opening environments: all that are registered, at the start and when another node has made one. One that
//! does not open (damaged, rewound, of a newer schema) does not keep the others from being served.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use store::RegistryRow;

use crate::{Environment, Greenroom, Result};

/// How often a node looks for environments and administrators that others have made.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// An environment that is registered and did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// Its name.
    pub name: String,
    /// Live or test.
    pub live: bool,
    /// What was in the way, for people.
    pub why: String,
}

/// Which environments are served, and which are registered and not served. Under one lock: whoever looks while one is
/// stopped or opened finds it in one or the other, and does not take its keys for unknown ones.
#[derive(Default)]
pub(crate) struct Places {
    pub(crate) open: BTreeMap<String, Arc<Environment>>,
    pub(crate) unopened: Vec<Unopened>,
}

impl Places {
    /// One more is served.
    pub(crate) fn serve(&mut self, environment: &Arc<Environment>) {
        let name = environment.name();
        self.unopened.retain(|one| one.name != name);
        self.open.insert(name.to_owned(), Arc::clone(environment));
    }

    /// One is not served, any more or yet.
    pub(crate) fn set_aside(&mut self, one: Unopened) {
        self.open.remove(&one.name);
        self.unopened.retain(|before| before.name != one.name);
        self.unopened.push(one);
    }
}

impl Greenroom {
    /// The environments that are registered and did not open.
    pub fn unopened(&self) -> Vec<Unopened> {
        self.registered().1
    }

    /// Opens every environment that is registered and not open here yet. Fails when none is open then, and one
    /// should be.
    pub(crate) async fn open_registered(&self) -> Result<()> {
        let _alone = self.opening.lock().await;
        self.let_replaced_go().await;
        let (mut unopened, mut first) = (Vec::new(), None);
        for row in self.backend.environments().await? {
            if self.environment(&row.name).is_some() {
                continue;
            }
            if let Err(error) = self.open_one(&row).await {
                unopened.push(Unopened { name: row.name, live: row.live, why: error.to_string() });
                first = first.or(Some(error));
            }
        }
        let before = self.unopened();
        for one in unopened.iter().filter(|one| !before.contains(one)) {
            tracing::error!(environment = one.name, error = one.why, "it does not open and is not served");
        }
        self.places.write().unwrap_or_else(PoisonError::into_inner).unopened = unopened;
        match first {
            Some(error) if self.environments().is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    /// Stops what another process has restored meanwhile; it is opened anew like one that was not open.
    async fn let_replaced_go(&self) {
        for environment in self.environments().into_iter().filter(|environment| environment.is_replaced()) {
            let name = environment.name();
            tracing::warn!(environment = name, "it was restored by another process, and is opened anew");
            self.set_aside(&environment, "another process has restored it, and it is being opened anew");
            if let Err(error) = environment.stop().await {
                tracing::warn!(environment = name, %error, "it does not stop in order");
            }
        }
    }

    async fn open_one(&self, row: &RegistryRow) -> Result<Arc<Environment>> {
        self.start(self.backend.open(&row.name).await?).await
    }

    /// Takes in what other nodes have added: environments and administrators.
    async fn catch_up(&self) -> Result<()> {
        self.open_registered().await?;
        let _nothing_is_put_meanwhile = self.opening.lock().await;
        let rows = self.backend.administrators().await?;
        *self.administrators.write().unwrap_or_else(PoisonError::into_inner) = rows;
        Ok(())
    }
}

/// Looks for what other nodes have added, until the install is gone.
pub(crate) async fn watch(greenroom: Weak<Greenroom>) {
    let mut failed = false;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let Some(greenroom) = greenroom.upgrade() else { return };
        let outcome = greenroom.catch_up().await;
        if let Err(error) = &outcome
            && !failed
        {
            tracing::warn!(%error, "what other nodes have added cannot be seen");
        }
        failed = outcome.is_err();
    }
}
