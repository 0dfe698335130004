//! An environment that is being made out of another store's rows. Its file has no identity until it is finished:
//! a crash before leaves what the next who takes the folder removes, a crash after what they finish.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use store::{
    Carried, CounterKey, Environment, Error, Identity, Making, RegistryRow, Result, Writes,
    encoding::check_name,
};

use crate::{
    SqliteBackend,
    backend::{House, remove_folder},
    connection,
    environment::SqliteEnvironment,
    fault::{self, Fault},
    opened::Opened,
    tables::identity,
    writer::{erase, making},
};

/// An environment that is being made.
pub(crate) struct SqliteMaking {
    backend: SqliteBackend,
    environment: Arc<SqliteEnvironment>,
    row: RegistryRow,
}

impl SqliteMaking {
    /// Begins, in place of what an earlier beginning has left.
    pub(crate) async fn begin(
        backend: &SqliteBackend,
        identity: Identity,
        made_at: Timestamp,
    ) -> Result<Arc<dyn Making>> {
        let (environment, row) = backend.aside(move |house| house.begin(&identity, made_at)).await?;
        Ok(Arc::new(Self { backend: backend.clone(), environment: Arc::new(environment), row }))
    }
}

impl House {
    fn begin(&self, identity: &Identity, made_at: Timestamp) -> Result<(SqliteEnvironment, RegistryRow)> {
        let name = &identity.name;
        check_name(name)?;
        let mut rooms = self.rooms();
        let registered = rooms.registry.environments().map_err(Fault::told_of_control)?;
        for row in registered.into_iter().filter(|row| row.id == identity.id || row.name == *name) {
            if !row.making && row.elsewhere.is_none() {
                return Err(Error::Exists(format!("environment `{}`", row.name)));
            }
            if rooms.open.get(&row.name).and_then(std::sync::Weak::upgrade).is_some_and(|o| o.serves()) {
                return Err(Error::Refused(format!("environment `{}` is being made already", row.name)));
            }
            remove_folder(&self.folder.environment(&row.name))?;
            rooms.registry.remove_environment(&row.id).map_err(Fault::told_of_control)?;
        }
        let Identity { id, live, .. } = *identity;
        let row = RegistryRow { id, name: name.clone(), live, made_at, making: true, elsewhere: None };
        rooms.registry.put_environment(&row).map_err(Fault::told_of_control)?;
        self.make(identity, false)?;
        let opened = Opened::open(&row, Arc::clone(&self.folder), self.options.clone(), Some(identity))?;
        rooms.open.insert(name.clone(), Arc::downgrade(&opened));
        let environment = SqliteEnvironment::another(&opened).ok_or_else(|| Error::Closed(name.clone()))?;
        Ok((environment, row))
    }

    /// The identity last: it tells a store that was made to its end.
    fn finish(&self, identity: &Identity, row: &RegistryRow) -> Result<()> {
        let name = &identity.name;
        let write = || -> fault::Result<()> {
            let mut connection = connection::writing(&self.folder.store(name), &self.options)?;
            let transaction = connection.transaction()?;
            identity::write(&transaction, identity)?;
            transaction.commit()?;
            erase::reconcile(&connection, &self.folder.erasures(name))
        };
        write().map_err(|fault| fault.told(name, "finishing its store"))?;
        let made = RegistryRow { making: false, ..row.clone() };
        self.rooms().registry.put_environment(&made).map_err(Fault::told_of_control)
    }
}

#[async_trait]
impl Making for SqliteMaking {
    fn environment(&self) -> Arc<dyn Environment> {
        Arc::clone(&self.environment) as Arc<dyn Environment>
    }

    async fn put(&self, rows: Vec<Carried>) -> Result<()> {
        let work = Box::new(move |connection: &Connection, position: &mut _| {
            making::put(connection, position, rows)
        });
        self.environment.work("putting rows", work).await
    }

    async fn fill(&self, views: Writes) -> Result<()> {
        let work = Box::new(move |connection: &Connection, _: &mut _| making::fill(connection, &views));
        self.environment.work("filling views", work).await
    }

    async fn counters(&self, counters: Vec<(CounterKey, i64, u64)>) -> Result<()> {
        let work = Box::new(move |connection: &Connection, _: &mut _| making::count(connection, &counters));
        self.environment.work("filling counters", work).await
    }

    async fn finish(&self) -> Result<()> {
        let (identity, row) = (self.environment.identity().clone(), self.row.clone());
        self.environment.close().await?;
        self.backend.aside(move |house| house.finish(&identity, &row)).await
    }
}
