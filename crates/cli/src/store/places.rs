//! A store for most, and stores of their own for some: what the configuration file says under
//! `[environments.NAME.store]`.
//!
//! The main store keeps the registry and the administrators. Of an environment with a store of its own it knows the id,
//! the kind and which store keeps it (that store's own id, so that no address has to be compared). What is made is made in
//! its own store first, and then registered: broken off between the two, it is found there and registered when somebody
//! looks. Where the registry and the configuration do not agree nothing is opened, so that there are never two.
//!
//! Stores are opened when they are needed. One that does not answer is in the way of its own environments only.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use store::{
    AdministratorRow, Backend, Environment, Error, Identity, Making, RegistryRow, Restorable, Result,
};
use store_postgres::PostgresBackend;
use store_sqlite::SqliteBackend;
use tokio::sync::Mutex;

use super::{OwnStore, Place};

/// A store that did not answer is asked again after this time: connecting may take seconds each time, and others wait.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Several stores as one.
pub(super) struct Places {
    main: Arc<dyn Backend>,
    named: BTreeMap<String, Arc<Kept>>,
}

/// The store of one environment, or of several, opened when it is needed.
pub(super) struct Kept {
    own: OwnStore,
    sqlite: store_sqlite::Options,
    state: Mutex<State>,
}

enum State {
    Unopened,
    Failed(Instant, Error),
    Open(Own),
}

/// A store, and its own id.
#[derive(Clone)]
struct Own {
    backend: Arc<dyn Backend>,
    id: [u8; 16],
}

impl Kept {
    /// Those of several environments: who names the same store shares it.
    pub(super) fn all(
        named: BTreeMap<String, OwnStore>,
        sqlite: &store_sqlite::Options,
    ) -> BTreeMap<String, Arc<Self>> {
        let mut kept: Vec<Arc<Self>> = Vec::new();
        let mut all = BTreeMap::new();
        for (name, own) in named {
            let same = kept.iter().find(|kept| kept.own.is(&own)).map(Arc::clone);
            let one = same.unwrap_or_else(|| {
                let one = Arc::new(Self { own, sqlite: sqlite.clone(), state: Mutex::new(State::Unopened) });
                kept.push(Arc::clone(&one));
                one
            });
            all.insert(name, one);
        }
        all
    }

    async fn get(&self) -> Result<Own> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Open(own) => return Ok(own.clone()),
            State::Failed(at, error) if at.elapsed() < AGAIN_AFTER => return Err(same(error)),
            State::Failed(..) | State::Unopened => {}
        }
        match self.open().await {
            Ok(own) => {
                *state = State::Open(own.clone());
                Ok(own)
            }
            Err(error) => {
                let told = same(&error);
                *state = State::Failed(Instant::now(), error);
                Err(told)
            }
        }
    }

    async fn open(&self) -> Result<Own> {
        let backend: Arc<dyn Backend> = match &self.own.at {
            Place::Database(url) => Arc::new(PostgresBackend::open(url, self.own.postgres.clone()).await?),
            Place::Folder(folder) => Arc::new(SqliteBackend::open(folder, self.sqlite.clone())?),
        };
        Ok(Own { id: backend.id().await?, backend })
    }
}

/// The same error for whoever comes next.
fn same(error: &Error) -> Error {
    match error {
        Error::Refused(what) => Error::Refused(what.clone()),
        Error::InUse(what) => Error::InUse(what.clone()),
        Error::Missing(what) => Error::Missing(what.clone()),
        other => other.shared(),
    }
}

fn refused<T>(why: String) -> Result<T> {
    Err(Error::Refused(why))
}

/// The main store keeps what the configuration says is elsewhere.
fn kept_in_main<T>(name: &str) -> Result<T> {
    refused(format!(
        "the main store keeps environment `{name}`, and [environments.{name}.store] names another store for it. Either \
         take that entry out of the configuration file, or stop every server and move it there: `greenroom \
         migrate-store --environment {name} --from MAIN --to OWN --registry MAIN`"
    ))
}

impl Places {
    pub(super) const fn new(main: Arc<dyn Backend>, named: BTreeMap<String, Arc<Kept>>) -> Self {
        Self { main, named }
    }

    async fn registered(&self, name: &str) -> Result<Option<RegistryRow>> {
        Ok(self.main.environments().await?.into_iter().find(|row| row.name == name))
    }

    /// The store that is named for an environment. It cannot be the main one.
    async fn own(&self, name: &str, kept: &Kept) -> Result<Own> {
        let own = kept.get().await?;
        if own.id == self.main.id().await? {
            return refused(format!(
                "[environments.{name}.store] names the main store, which keeps every environment that has no entry: \
                 take this one out of the configuration file"
            ));
        }
        Ok(own)
    }

    /// The store that keeps an environment, when registry, configuration and that store agree.
    async fn agreed(&self, name: &str, kept: &Kept) -> Result<Own> {
        let Some(row) = self.registered(name).await? else {
            return Err(Error::Missing(format!("environment `{name}`")));
        };
        let Some(elsewhere) = row.elsewhere else { return kept_in_main(name) };
        let own = self.own(name, kept).await?;
        if own.id != elsewhere {
            return refused(format!(
                "environment `{name}` is registered in another store than the one that [environments.{name}.store] \
                 names here. All servers need the same entry; if it was moved, that has to be noted: `greenroom \
                 migrate-store … --registry MAIN`"
            ));
        }
        let there = own.backend.environments().await?.into_iter().find(|there| there.name == name);
        match there {
            Some(there) if there.id == row.id && there.live == row.live => Ok(own),
            Some(_) => refused(format!(
                "the main store and the store that [environments.{name}.store] names know different environments by the \
                 name `{name}`; put the right store back"
            )),
            None => refused(format!(
                "environment `{name}` is registered, and gone from the store that [environments.{name}.store] names; \
                 put the right store back, or a backup: `greenroom restore --environment {name}`"
            )),
        }
    }

    /// Registers what its own store keeps and the main store does not know of: moved there, restored there, or made
    /// there and broken off before this.
    async fn take_in(&self, name: &str, kept: &Kept) -> Result<Option<RegistryRow>> {
        let own = self.own(name, kept).await?;
        let there = own.backend.environments().await?;
        let whole = |row: &RegistryRow| row.name == name && !row.making && row.elsewhere.is_none();
        let Some(row) = there.into_iter().find(whole) else { return Ok(None) };
        let row = RegistryRow { elsewhere: Some(own.id), ..row };
        self.main.register(row.clone()).await?;
        tracing::info!(environment = name, "registered: the store of its own keeps it");
        Ok(Some(row))
    }

    async fn register(&self, identity: &Identity, made_at: Timestamp, own: &Own) -> Result<()> {
        let Identity { id, ref name, live, .. } = *identity;
        let row =
            RegistryRow { id, name: name.clone(), live, made_at, making: false, elsewhere: Some(own.id) };
        self.main.register(row).await
    }

    /// Makes one in its own store, and registers it.
    async fn make_there(
        &self,
        identity: Identity,
        made_at: Timestamp,
        own: &Own,
    ) -> Result<Arc<dyn Environment>> {
        // What both stores check: of two that make it at once one is told that it exists.
        let made = own.backend.create(identity.clone(), made_at).await?;
        let Err(error) = self.register(&identity, made_at, own).await else { return Ok(made) };
        made.close().await?;
        if !matches!(error, Error::Exists(_)) {
            return Err(error);
        }
        // Nobody has used it, and nobody may take it for the one of this name: what is only registered there is taken
        // over when the other is moved there.
        let Identity { id, name, live, .. } = identity;
        let elsewhere = Some(self.main.id().await?);
        let row = RegistryRow { id, name: name.clone(), live, made_at, making: false, elsewhere };
        own.backend.register(row).await?;
        refused(format!(
            "environment `{name}` was made in its own store, and elsewhere by somebody else at the same moment, whose \
             configuration has another [environments.{name}.store], or none. That one counts; all servers need the same \
             entries. Change this one, or move the environment here: `greenroom migrate-store --environment {name} --from \
             THERE --to OWN --registry MAIN`"
        ))
    }
}

#[async_trait]
impl Backend for Places {
    fn is_shared(&self) -> bool {
        // One that did not answer, or that another process holds, may do so later: it is looked for again.
        self.main.is_shared() || !self.named.is_empty()
    }

    async fn id(&self) -> Result<[u8; 16]> {
        self.main.id().await
    }

    async fn register(&self, row: RegistryRow) -> Result<()> {
        self.main.register(row).await
    }

    async fn environments(&self) -> Result<Vec<RegistryRow>> {
        let mut rows = self.main.environments().await?;
        for (name, kept) in &self.named {
            if rows.iter().any(|row| row.name == *name) {
                continue;
            }
            // Whoever makes it is told what is in the way.
            match self.take_in(name, kept).await {
                Ok(row) => rows.extend(row),
                Err(error) => tracing::debug!(environment = name, %error, "not looked for in its own store"),
            }
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    async fn create(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Environment>> {
        let Some(kept) = self.named.get(&identity.name) else {
            return self.main.create(identity, made_at).await;
        };
        let name = identity.name.clone();
        for row in self.main.environments().await? {
            if row.name == name && row.elsewhere.is_none() {
                return kept_in_main(&name);
            }
            if (row.id == identity.id) != (row.name == name) {
                return Err(Error::Exists(format!("environment `{}`", row.name)));
            }
            if row.id == identity.id {
                return self.open(&name).await;
            }
        }
        let own = self.own(&name, kept).await?;
        self.make_there(identity, made_at, &own).await
    }

    async fn begin(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Making>> {
        match self.named.get(&identity.name) {
            // Registered when it is whole, by whoever looks for it.
            Some(kept) => self.own(&identity.name, kept).await?.backend.begin(identity, made_at).await,
            None => self.main.begin(identity, made_at).await,
        }
    }

    async fn open(&self, name: &str) -> Result<Arc<dyn Environment>> {
        match self.named.get(name) {
            Some(kept) => self.agreed(name, kept).await?.backend.open(name).await,
            None => self.main.open(name).await,
        }
    }

    async fn restorable(&self, name: &str, from: &Path) -> Result<Restorable> {
        let Some(kept) = self.named.get(name) else {
            return self.main.restorable(name, from).await;
        };
        if self.registered(name).await?.is_some_and(|row| row.elsewhere.is_none()) {
            return kept_in_main(name);
        }
        self.own(name, kept).await?.backend.restorable(name, from).await
    }

    /// Also into a new store of its own, when the one that is registered is lost.
    async fn restore(
        &self,
        name: &str,
        from: &Path,
        incarnation_at: Timestamp,
    ) -> Result<Arc<dyn Environment>> {
        let Some(kept) = self.named.get(name) else {
            return self.main.restore(name, from, incarnation_at).await;
        };
        let row = self.registered(name).await?;
        if row.as_ref().is_some_and(|row| row.elsewhere.is_none()) {
            return kept_in_main(name);
        }
        let own = self.own(name, kept).await?;
        let restored = own.backend.restore(name, from, incarnation_at).await?;
        let identity = restored.identity().clone();
        let told = if row.as_ref().is_some_and(|row| row.id != identity.id) {
            Err(Error::Unrestorable(format!(
                "it is one of another environment than the `{name}` that is registered; a backup goes back into its \
                 own environment only"
            )))
        } else {
            let made_at = row.map_or(incarnation_at, |row| row.made_at);
            self.register(&identity, made_at, &own).await
        };
        if let Err(error) = told {
            restored.close().await?;
            return Err(error);
        }
        Ok(restored)
    }

    async fn administrators(&self) -> Result<Vec<AdministratorRow>> {
        self.main.administrators().await
    }

    async fn revoke_administrator(&self, id: &str, at: Timestamp) -> Result<Option<Vec<AdministratorRow>>> {
        self.main.revoke_administrator(id, at).await
    }

    async fn put_administrator(&self, row: AdministratorRow) -> Result<()> {
        self.main.put_administrator(row).await
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
