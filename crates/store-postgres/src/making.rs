//! An environment that is being made out of another store's rows: registered as such, in a schema of its own,
//! and opened by nobody else until it is finished.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use store::{
    Carried, CounterKey, Environment, Error, Identity, Making, RegistryRow, Result, Writes,
    encoding::check_name,
};

use crate::{
    backend::{self, House},
    environment::PostgresEnvironment,
    fault::{self, Fault},
    opened::Opened,
    pool::{Lane, Lease, quoted},
    registry::{self, Entry},
    restore, schema,
    session::Session,
    tables::identity,
    writing::making,
};

/// An environment that is being made.
pub(crate) struct PostgresMaking {
    house: Arc<House>,
    environment: Arc<PostgresEnvironment>,
    entry: Entry,
}

impl PostgresMaking {
    /// Begins, in place of what an earlier beginning has left.
    pub(crate) async fn begin(
        house: &Arc<House>,
        identity: Identity,
        made_at: Timestamp,
    ) -> Result<Arc<dyn Making>> {
        check_name(&identity.name)?;
        let mut lease = house.lease().await?;
        lease.dirty();
        let told = |fault: Fault| {
            fault.told_installing(&format!("environment `{}`", identity.name), "making its store")
        };
        let entry = match registered(&lease, &identity, made_at).await {
            Ok(entry) => {
                lease.commit().await.map_err(told)?;
                entry
            }
            Err(fault) => {
                let _ = lease.rollback().await;
                return Err(told(fault));
            }
        };
        drop(lease);
        let opened = Opened::open(&entry, &house.address, &house.installing, &house.options).await?;
        let environment = PostgresEnvironment::another(&opened, true)
            .ok_or_else(|| Error::Closed(identity.name.clone()))?;
        Ok(Arc::new(Self { house: Arc::clone(house), environment: Arc::new(environment), entry }))
    }

    async fn lease(&self) -> Result<Lease> {
        self.environment.opened().pool.lease(Lane::Long).await
    }

    fn told(&self, told: fault::Result<()>, doing: &str) -> Result<()> {
        told.map_err(|fault| fault.told_of(&self.entry.row.name, doing))
    }
}

/// Registers it with an empty schema; all in one transaction, with what is removed.
async fn registered(session: &Session, identity: &Identity, made_at: Timestamp) -> fault::Result<Entry> {
    schema::begin(session).await?;
    for entry in registry::environments(session).await? {
        if entry.row.id != identity.id && entry.row.name != identity.name {
            continue;
        }
        if !entry.row.making && entry.row.elsewhere.is_none() {
            return Err(Error::Exists(format!("environment `{}`", entry.row.name)).into());
        }
        // What is only registered has neither, unless it was kept here once.
        if !entry.schema.is_empty() {
            restore::nobody_else(session, &entry).await?;
            let (schema, role) = (quoted(&entry.schema), quoted(&entry.role));
            session.plain(&format!("DROP SCHEMA {schema} CASCADE; DROP ROLE {role}")).await?;
        }
        registry::remove_environment(session, &entry.row.id).await?;
    }
    let row = RegistryRow {
        id: identity.id,
        name: identity.name.clone(),
        live: identity.live,
        made_at,
        making: true,
        elsewhere: None,
    };
    let entry = backend::make(session, row).await?;
    schema::migrate(session, &entry.schema, schema::STORE, &entry.schema).await?;
    schema::grant(session, &entry.schema, &entry.role).await?;
    identity::make(session, identity).await?;
    Ok(entry)
}

#[async_trait]
impl Making for PostgresMaking {
    fn environment(&self) -> Arc<dyn Environment> {
        Arc::clone(&self.environment) as Arc<dyn Environment>
    }

    async fn put(&self, rows: Vec<Carried>) -> Result<()> {
        let mut lease = self.lease().await?;
        self.told(making::put(&mut lease, rows).await, "putting rows")
    }

    async fn fill(&self, views: Writes) -> Result<()> {
        let mut lease = self.lease().await?;
        self.told(making::fill(&mut lease, &views).await, "filling views")
    }

    async fn counters(&self, counters: Vec<(CounterKey, i64, u64)>) -> Result<()> {
        let mut lease = self.lease().await?;
        self.told(making::count(&mut lease, &counters).await, "filling counters")
    }

    async fn finish(&self) -> Result<()> {
        self.environment.close().await?;
        let lease = self.house.lease().await?;
        registry::made(&lease, &self.entry).await.map_err(Fault::told_of_control)
    }
}
