//! A database as a backend: making, opening, listing and restoring environments.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Weak},
};

use async_trait::async_trait;
use jiff::Timestamp;
use postgres_protocol::password::scram_sha_256;
use store::{
    AdministratorRow, Backend, Environment, Error, Identity, Making, RegistryRow, Restorable, Result,
    encoding::{check_name, hex},
};
use tokio::sync::Mutex;

use crate::{
    Options,
    address::Address,
    environment::PostgresEnvironment,
    fault::{self, Fault},
    making::PostgresMaking,
    migrating::Migration,
    opened::Opened,
    pool::{Lane, Lease, Login, Pool, quoted},
    registry::{self, Entry},
    restore, schema,
    session::Session,
    tables::identity,
};

/// The backend on a PostgreSQL database. Any number of processes may have it open.
#[derive(Clone)]
pub struct PostgresBackend(Arc<House>);

pub(crate) struct House {
    pub(crate) address: Address,
    pub(crate) options: Options,
    pub(crate) installing: Arc<Pool>,
    open: Mutex<BTreeMap<String, Weak<Opened>>>,
}

/// As many as one process ever needs at once for making, opening and listing; one more sweeps.
pub(crate) const INSTALLING: usize = 3;

impl PostgresBackend {
    /// Connects to `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`, and makes or migrates the control
    /// store there.
    ///
    /// # Errors
    /// [`Error::Refused`] for a URL, password, privilege or schema that does not fit, [`Error::Missing`] for a
    /// database that is not there (or was never used, and must have been), [`Error::Recovering`] when the server does not answer now.
    pub async fn open(url: &str, options: Options) -> Result<Self> {
        let address = Address::parse(url, &options)?;
        let installing = Arc::new(Pool::new(installing(&address), INSTALLING, &options));
        control(&installing, &options).await.map_err(Fault::told_of_control)?;
        Ok(Self(Arc::new(House { address, options, installing, open: Mutex::default() })))
    }
}

/// As the installing role.
pub(crate) fn installing(address: &Address) -> Login {
    Login {
        config: address.installing(),
        tls: address.tls.clone(),
        schema: schema::CONTROL_SCHEMA.to_owned(),
        whose: address.shown.clone(),
        to: address.shown.clone(),
        own_role: None,
    }
}

/// Makes or migrates the control store.
async fn control(installing: &Arc<Pool>, options: &Options) -> fault::Result<()> {
    let what = "the control store";
    let lease = installing.lease(Lane::Short).await?;
    schema::suits(&lease).await?;
    let at = schema::version(&lease, schema::CONTROL_SCHEMA).await?;
    if at == 0 && options.must_exist {
        return Err(Error::Missing("a store of Greenroom in this database".to_owned()).into());
    }
    if !schema::is_behind(at, schema::CONTROL, what)? {
        return Ok(());
    }
    drop(lease);
    let migration = Migration { schema: schema::CONTROL_SCHEMA, steps: schema::CONTROL, what, role: None };
    migration.run(installing, options).await
}

/// Makes an environment's role and empty schema, and registers it, inside a transaction that
/// [`schema::begin`] began.
pub(crate) async fn make(session: &Session, row: RegistryRow) -> fault::Result<Entry> {
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(|e| Error::Backend {
        doing: "drawing a password".to_owned(),
        source: e.to_string().into(),
    })?;
    let (suffix, secret) = random.split_at(8);
    // Names are cut to fit the 63 bytes that PostgreSQL takes; what follows makes them one of a kind.
    let short: String = row.name.chars().take(24).collect();
    let entry = Entry {
        schema: format!("env_{short}_{}", hex(&row.id)),
        role: format!("greenroom_{short}_{}", hex(suffix)),
        password: hex(secret),
        row,
    };
    // The server's log may keep this statement: it holds a verifier, not the password.
    let verifier = scram_sha_256(entry.password.as_bytes());
    let (role, name) = (quoted(&entry.role), quoted(&entry.schema));
    session
        .plain(&format!(
            "CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD '{verifier}';
             CREATE SCHEMA {name}"
        ))
        .await?;
    registry::put_environment(session, &entry).await?;
    Ok(entry)
}

/// What is being made cannot be used.
pub(crate) fn unfinished(name: &str) -> Error {
    Error::Refused(format!(
        "environment `{name}` is not whole: it is being moved here, or that was broken off; run `greenroom \
         migrate-store` again to its end"
    ))
}

impl House {
    pub(crate) async fn lease(&self) -> Result<Lease> {
        self.installing.lease(Lane::Short).await
    }

    /// Makes an environment if it is not there.
    async fn create(&self, identity: &Identity, made_at: Timestamp) -> Result<()> {
        check_name(&identity.name)?;
        let mut lease = self.lease().await?;
        lease.dirty();
        let work = async {
            schema::begin(&lease).await?;
            for Entry { row, .. } in registry::environments(&lease).await? {
                if row.making && row.name == identity.name {
                    return Err(unfinished(&row.name).into());
                }
                if (row.id == identity.id) != (row.name == identity.name) {
                    return Err(Error::Exists(format!("environment `{}`", row.name)).into());
                }
                if row.id == identity.id && row.live != identity.live {
                    let what = format!("the kind of environment `{}` is fixed", row.name);
                    return Err(Error::Refused(what).into());
                }
                if row.id == identity.id {
                    return Ok(row.is_here()?);
                }
            }
            // All in one transaction: there is never half an environment.
            let row = RegistryRow {
                id: identity.id,
                name: identity.name.clone(),
                live: identity.live,
                made_at,
                making: false,
                elsewhere: None,
            };
            let entry = make(&lease, row).await?;
            schema::migrate(&lease, &entry.schema, schema::STORE, &entry.schema).await?;
            schema::grant(&lease, &entry.schema, &entry.role).await?;
            identity::make(&lease, identity).await
        };
        let outcome: fault::Result<()> = work.await;
        let told = |fault: Fault| {
            fault.told_installing(&format!("environment `{}`", identity.name), "making its store")
        };
        match outcome {
            Ok(()) => lease.commit().await.map_err(told),
            Err(fault) => {
                let _ = lease.rollback().await;
                Err(told(fault))
            }
        }
    }

    async fn open(&self, name: &str) -> Result<Arc<dyn Environment>> {
        let mut open = self.open.lock().await;
        if let Some(opened) = open.get(name).and_then(Weak::upgrade)
            && let Some(handle) = PostgresEnvironment::another(&opened, false)
        {
            return Ok(Arc::new(handle));
        }
        let entry = self.migrated(name).await?;
        let opened = Opened::open(&entry, &self.address, &self.installing, &self.options).await?;
        open.insert(name.to_owned(), Arc::downgrade(&opened));
        PostgresEnvironment::another(&opened, true)
            .map(|handle| Arc::new(handle) as Arc<dyn Environment>)
            .ok_or_else(|| Error::Closed(name.to_owned()))
    }

    /// An environment whose schema is today's.
    async fn migrated(&self, name: &str) -> Result<Entry> {
        let lease = self.lease().await?;
        let entry = registry::environment(&lease, name)
            .await
            .map_err(Fault::told_of_control)?
            .ok_or_else(|| Error::Missing(format!("environment `{name}`")))?;
        entry.row.is_here()?;
        if entry.row.making {
            return Err(unfinished(name));
        }
        let what = format!("schema {} of environment `{name}`", entry.schema);
        let work = async {
            let at = schema::version(&lease, &entry.schema).await?;
            if at == 0 {
                return Err(Error::Missing(what.clone()).into());
            }
            if !schema::is_behind(at, schema::STORE, &what)? {
                return Ok(());
            }
            drop(lease);
            let (schema, role) = (&entry.schema, Some(entry.role.as_str()));
            Migration { schema, steps: schema::STORE, what: &what, role }
                .run(&self.installing, &self.options)
                .await
        };
        let outcome: fault::Result<()> = work.await;
        outcome.map_err(|fault| {
            fault.told_installing(&format!("environment `{name}`"), "migrating its schema")
        })?;
        Ok(entry)
    }

    async fn register(&self, row: RegistryRow) -> Result<()> {
        check_name(&row.name)?;
        let mut lease = self.lease().await?;
        lease.dirty();
        let work = async {
            schema::begin(&lease).await?;
            let mut entry = Entry {
                row: row.clone(),
                schema: String::new(),
                role: String::new(),
                password: String::new(),
            };
            for known in registry::environments(&lease).await? {
                if (known.row.id == row.id) != (known.row.name == row.name) {
                    return Err(Error::Exists(format!("environment `{}`", known.row.name)).into());
                }
                if known.row.id == row.id {
                    if known.row.elsewhere.is_none() {
                        restore::nobody_else(&lease, &known).await?;
                    }
                    entry = Entry { row: RegistryRow { elsewhere: row.elsewhere, ..known.row }, ..known };
                }
            }
            registry::put_environment(&lease, &entry).await
        };
        let outcome: fault::Result<()> = work.await;
        match outcome {
            Ok(()) => lease.commit().await.map_err(Fault::told_of_control),
            Err(fault) => {
                let _ = lease.rollback().await;
                Err(fault.told_of_control())
            }
        }
    }

    async fn restore(&self, name: &str, from: &Path, at: Timestamp) -> Result<Arc<dyn Environment>> {
        check_name(name)?;
        {
            let open = self.open.lock().await;
            if open.get(name).and_then(Weak::upgrade).is_some_and(|opened| opened.serves()) {
                return Err(Error::Refused(format!(
                    "environment `{name}` is open; close it before restoring it"
                )));
            }
            let mut lease = self.lease().await?;
            let incarnation = restore::run(&mut lease, name, from, at).await?;
            tracing::info!(environment = name, incarnation, "restored from a backup");
        }
        self.open(name).await
    }
}

#[async_trait]
impl Backend for PostgresBackend {
    fn is_shared(&self) -> bool {
        true
    }

    async fn id(&self) -> Result<[u8; 16]> {
        let lease = self.0.lease().await?;
        registry::id(&lease).await.map_err(Fault::told_of_control)
    }

    async fn register(&self, row: RegistryRow) -> Result<()> {
        self.0.register(row).await
    }

    async fn environments(&self) -> Result<Vec<RegistryRow>> {
        let lease = self.0.lease().await?;
        let entries = registry::environments(&lease).await.map_err(Fault::told_of_control)?;
        Ok(entries.into_iter().map(|entry| entry.row).collect())
    }

    async fn create(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Environment>> {
        self.0.create(&identity, made_at).await?;
        self.0.open(&identity.name).await
    }

    async fn begin(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Making>> {
        PostgresMaking::begin(&self.0, identity, made_at).await
    }

    async fn open(&self, name: &str) -> Result<Arc<dyn Environment>> {
        self.0.open(name).await
    }

    async fn restorable(&self, name: &str, from: &Path) -> Result<Restorable> {
        check_name(name)?;
        restore::look(&*self.0.lease().await?, name, from).await
    }

    async fn restore(
        &self,
        name: &str,
        from: &Path,
        incarnation_at: Timestamp,
    ) -> Result<Arc<dyn Environment>> {
        self.0.restore(name, from, incarnation_at).await
    }

    async fn administrators(&self) -> Result<Vec<AdministratorRow>> {
        let lease = self.0.lease().await?;
        registry::administrators(&lease).await.map_err(Fault::told_of_control)
    }

    async fn revoke_administrator(&self, id: &str, at: Timestamp) -> Result<Option<Vec<AdministratorRow>>> {
        let mut lease = self.0.lease().await?;
        lease.dirty();
        let outcome = registry::revoke_administrator(&lease, id, at).await;
        if outcome.is_ok() {
            lease.commit().await.map_err(Fault::told_of_control)?;
        } else {
            let _ = lease.rollback().await;
        }
        outcome.map_err(Fault::told_of_control)
    }

    async fn put_administrator(&self, row: AdministratorRow) -> Result<()> {
        let lease = self.0.lease().await?;
        registry::put_administrator(&lease, &row).await.map_err(Fault::told_of_control)
    }
}
