//! The data folder as a backend: making, opening, listing and restoring environments.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

use async_trait::async_trait;
use jiff::Timestamp;
use store::{
    AdministratorRow, Backend, Environment, Error, Identity, Making, RegistryRow, Restorable, Result,
};
use tokio::sync::oneshot;

use crate::{
    Options, backup, codec, connection,
    environment::SqliteEnvironment,
    fault::{Fault, file},
    folder::{self, CONTROL, Folder},
    making::SqliteMaking,
    opened::Opened,
    registry::{self, Registry},
    schema,
    tables::{identity, position::Position},
};

/// The embedded backend: a data folder that this process holds.
///
/// The folder is let go when the backend and every environment opened from it are closed or dropped.
#[derive(Clone)]
pub struct SqliteBackend(Arc<House>);

/// Everything of a data folder.
pub(crate) struct House {
    pub(crate) folder: Arc<Folder>,
    pub(crate) options: Options,
    rooms: Mutex<Rooms>,
}

pub(crate) struct Rooms {
    pub(crate) registry: Registry,
    pub(crate) open: BTreeMap<String, Weak<Opened>>,
}

impl SqliteBackend {
    /// Takes a data folder (made if it is absent) and finishes or removes what a crash left half made.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process, or another backend in this one, holds it; [`Error::Missing`] when
    /// it must exist and has never been used.
    pub fn open(folder: &Path, options: Options) -> Result<Self> {
        if options.must_exist && !folder.join(CONTROL).exists() {
            return Err(Error::Missing(format!("a data folder of Greenroom at {}", folder.display())));
        }
        let folder = Arc::new(Folder::take(folder)?);
        let registry = Registry::open(&folder.control()).map_err(Fault::told_of_control)?;
        if !options.must_exist {
            finish_or_remove(&folder, &registry)?;
        }
        let rooms = Mutex::new(Rooms { registry, open: BTreeMap::new() });
        Ok(Self(Arc::new(House { folder, options, rooms })))
    }

    /// Runs something slow on a thread of its own.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&House) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let house = Arc::clone(&self.0);
        let (reply, answer) = oneshot::channel();
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                let told = work(&house);
                drop(house);
                // Nobody may be waiting any more.
                let _ = reply.send(told);
            })
            .map_err(|e| Error::Backend { doing: "starting a thread".to_owned(), source: Box::new(e) })?;
        answer.await.unwrap_or_else(|_| Err(Error::Panicked("the store's own work".to_owned())))
    }
}

/// What a crash left half made.
fn finish_or_remove(folder: &Folder, registry: &Registry) -> Result<()> {
    let told = Fault::told_of_control;
    for row in registry.environments().map_err(told)?.into_iter().filter(|row| row.making) {
        if registry::finished(&folder.store(&row.name), &row.id) {
            tracing::info!(environment = row.name, "finished making it");
            registry.put_environment(&RegistryRow { making: false, ..row }).map_err(told)?;
        } else {
            tracing::info!(environment = row.name, "removed what was left of making it");
            remove_folder(&folder.environment(&row.name))?;
            registry.remove_environment(&row.id).map_err(told)?;
        }
    }
    Ok(())
}

pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(file("removing", path, e)),
        _ => Ok(()),
    }
}

impl House {
    pub(crate) fn rooms(&self) -> MutexGuard<'_, Rooms> {
        // What a panicking thread may have left is a registry connection without a transaction.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, identity: &Identity, made_at: Timestamp) -> Result<Arc<dyn Environment>> {
        codec::check_name(&identity.name)?;
        let mut rooms = self.rooms();
        for row in rooms.registry.environments().map_err(Fault::told_of_control)? {
            if (row.id == identity.id) != (row.name == identity.name) {
                return Err(Error::Exists(format!("environment `{}`", row.name)));
            }
            if row.id == identity.id {
                if row.live != identity.live {
                    return Err(Error::Refused(format!("the kind of environment `{}` is fixed", row.name)));
                }
                row.is_here()?;
                return self.open(&mut rooms, &identity.name);
            }
        }
        let mut row = RegistryRow {
            id: identity.id,
            name: identity.name.clone(),
            live: identity.live,
            made_at,
            making: true,
            elsewhere: None,
        };
        rooms.registry.put_environment(&row).map_err(Fault::told_of_control)?;
        self.make(identity, true)?;
        row.making = false;
        rooms.registry.put_environment(&row).map_err(Fault::told_of_control)?;
        self.open(&mut rooms, &identity.name)
    }

    /// Makes an environment's store: files, schema, and the identity, which tells that it was made to its end.
    pub(crate) fn make(&self, identity: &Identity, whole: bool) -> Result<()> {
        let told = |fault: Fault| fault.told(&identity.name, "making its store");
        let path = self.folder.store(&identity.name);
        let room = self.folder.environment(&identity.name);
        remove_folder(&room)?;
        folder::make(&room)?;
        connection::make(&path)?;
        let mut connection = connection::writing(&path, &self.options).map_err(told)?;
        schema::migrate(&mut connection, schema::STORE, &path.display().to_string()).map_err(told)?;
        let write = |connection: &mut rusqlite::Connection| -> Result<(), Fault> {
            let transaction = connection.transaction()?;
            Position::default().write(&transaction)?;
            if whole {
                identity::write(&transaction, identity)?;
            }
            transaction.commit()?;
            Ok(())
        };
        write(&mut connection).map_err(told)?;
        crate::anchor::Anchor::new(self.folder.anchors(&identity.name)).reset()?;
        folder::sync(&room)?;
        folder::sync(&room.join(".."))
    }

    fn open(&self, rooms: &mut Rooms, name: &str) -> Result<Arc<dyn Environment>> {
        let row = rooms
            .registry
            .environment(name)
            .map_err(Fault::told_of_control)?
            .ok_or_else(|| Error::Missing(format!("environment `{name}`")))?;
        row.is_here()?;
        if row.making {
            return Err(Error::Refused(format!("environment `{name}` is being made; it is not whole yet")));
        }
        if let Some(opened) = rooms.open.get(name).and_then(Weak::upgrade)
            && let Some(handle) = SqliteEnvironment::another(&opened)
        {
            return Ok(Arc::new(handle));
        }
        let opened = Opened::open(&row, Arc::clone(&self.folder), self.options.clone(), None)?;
        rooms.open.insert(name.to_owned(), Arc::downgrade(&opened));
        SqliteEnvironment::another(&opened)
            .map(|handle| Arc::new(handle) as Arc<dyn Environment>)
            .ok_or_else(|| Error::Closed(name.to_owned()))
    }

    fn restorable(&self, name: &str, from: &Path) -> Result<Restorable> {
        codec::check_name(name)?;
        let known = self.rooms().registry.environment(name).map_err(Fault::told_of_control)?;
        known.as_ref().map_or(Ok(()), RegistryRow::is_here)?;
        backup::look(name, known.as_ref(), from)
    }

    fn restore(&self, name: &str, from: &Path, at: Timestamp) -> Result<Arc<dyn Environment>> {
        codec::check_name(name)?;
        let mut rooms = self.rooms();
        if rooms.open.get(name).and_then(Weak::upgrade).is_some_and(|opened| opened.serves()) {
            return Err(Error::InUse(format!("environment `{name}`: close it before restoring it")));
        }
        let known = rooms.registry.environment(name).map_err(Fault::told_of_control)?;
        known.as_ref().map_or(Ok(()), RegistryRow::is_here)?;
        let restored = backup::restore(&self.folder, &self.options, name, known.as_ref(), from)?;
        if known.is_none() {
            let Identity { id, live, .. } = restored;
            let name = name.to_owned();
            let row = RegistryRow { id, name, live, made_at: at, making: false, elsewhere: None };
            rooms.registry.put_environment(&row).map_err(Fault::told_of_control)?;
        }
        tracing::info!(environment = name, incarnation = restored.incarnation, "restored from a backup");
        self.open(&mut rooms, name)
    }

    fn register(&self, row: &RegistryRow) -> Result<()> {
        codec::check_name(&row.name)?;
        let rooms = self.rooms();
        for known in rooms.registry.environments().map_err(Fault::told_of_control)? {
            if (known.id == row.id) != (known.name == row.name) {
                return Err(Error::Exists(format!("environment `{}`", known.name)));
            }
        }
        if rooms.open.get(&row.name).and_then(Weak::upgrade).is_some_and(|opened| opened.serves()) {
            return Err(Error::InUse(format!("environment `{}`: close it first", row.name)));
        }
        rooms.registry.put_environment(row).map_err(Fault::told_of_control)
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    fn is_shared(&self) -> bool {
        false
    }

    async fn id(&self) -> Result<[u8; 16]> {
        self.aside(|house| house.rooms().registry.id().map_err(Fault::told_of_control)).await
    }

    async fn register(&self, row: RegistryRow) -> Result<()> {
        self.aside(move |house| house.register(&row)).await
    }

    async fn environments(&self) -> Result<Vec<RegistryRow>> {
        self.aside(|house| house.rooms().registry.environments().map_err(Fault::told_of_control)).await
    }

    async fn create(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Environment>> {
        self.aside(move |house| house.create(&identity, made_at)).await
    }

    async fn begin(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Making>> {
        SqliteMaking::begin(self, identity, made_at).await
    }

    async fn open(&self, name: &str) -> Result<Arc<dyn Environment>> {
        let name = name.to_owned();
        self.aside(move |house| house.open(&mut house.rooms(), &name)).await
    }

    async fn restorable(&self, name: &str, from: &Path) -> Result<Restorable> {
        let (name, from) = (name.to_owned(), from.to_owned());
        self.aside(move |house| house.restorable(&name, &from)).await
    }

    async fn restore(
        &self,
        name: &str,
        from: &Path,
        incarnation_at: Timestamp,
    ) -> Result<Arc<dyn Environment>> {
        let (name, from) = (name.to_owned(), from.to_owned());
        self.aside(move |house| house.restore(&name, &from, incarnation_at)).await
    }

    async fn administrators(&self) -> Result<Vec<AdministratorRow>> {
        self.aside(|house| house.rooms().registry.administrators().map_err(Fault::told_of_control)).await
    }

    async fn revoke_administrator(&self, id: &str, at: Timestamp) -> Result<Option<Vec<AdministratorRow>>> {
        let id = id.to_owned();
        self.aside(move |house| {
            // Nobody else has the folder, nor these rooms as long as they are held.
            let rooms = house.rooms();
            let rows = rooms.registry.administrators().map_err(Fault::told_of_control)?;
            let Some(row) = store::revoked(&rows, &id, at)? else { return Ok(None) };
            rooms.registry.put_administrator(&row).map_err(Fault::told_of_control)?;
            rooms.registry.administrators().map(Some).map_err(Fault::told_of_control)
        })
        .await
    }

    async fn put_administrator(&self, row: AdministratorRow) -> Result<()> {
        self.aside(move |house| {
            house.rooms().registry.put_administrator(&row).map_err(Fault::told_of_control)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn one(backend: &SqliteBackend) -> Arc<dyn Environment> {
        backend
            .create(store::conformance::identity("one"), store::conformance::at(0))
            .await
            .expect("it can be made")
    }

    /// As a crash leaves it that comes before the registry is told that an environment is finished.
    fn unfinish(data: &Path) {
        let registry = Registry::open(&data.join("control.db")).expect("it opens");
        let row = registry.environment("one").expect("it reads").expect("it is there");
        registry.put_environment(&RegistryRow { making: true, ..row }).expect("it writes");
    }

    #[tokio::test]
    async fn a_half_made_environment_is_finished_or_removed() {
        let data = tempfile::tempdir().expect("a folder can be made");
        let open = || SqliteBackend::open(data.path(), Options::default()).expect("nobody holds it");
        let backend = open();
        one(&backend).await.close().await.expect("it closes");
        drop(backend);

        unfinish(data.path());
        let backend = open();
        let rows = backend.environments().await.expect("they read");
        assert!(rows.len() == 1 && !rows[0].making, "{rows:?}");
        backend.open("one").await.expect("it was finished").close().await.expect("it closes");
        let store = backend.0.folder.store("one");
        drop(backend);

        unfinish(data.path());
        fs::write(&store, b"").expect("it can be emptied");
        let backend = open();
        assert!(backend.environments().await.expect("they read").is_empty(), "it was removed");
        assert!(!store.exists());
        one(&backend).await;
    }

    /// As a crash leaves it while rows of another store are put.
    #[tokio::test]
    async fn what_was_being_put_is_removed_unless_only_looked_at() {
        let data = tempfile::tempdir().expect("a folder can be made");
        let open = |must_exist| {
            let options = Options { must_exist, ..Options::default() };
            SqliteBackend::open(data.path(), options)
        };
        assert!(matches!(open(true).err(), Some(Error::Missing(_))), "never used");
        assert!(!data.path().join("control.db").exists(), "nothing was made");
        let backend = open(false).expect("nobody holds it");
        let making = backend.begin(store::conformance::identity("one"), store::conformance::at(0)).await;
        making.expect("it can be begun").environment().close().await.expect("it closes");
        drop(backend);

        let backend = open(true).expect("it was used");
        assert_eq!(backend.environments().await.expect("they read").len(), 1, "what is there stays");
        drop(backend);
        let backend = open(false).expect("nobody holds it");
        assert!(backend.environments().await.expect("they read").is_empty(), "it was removed");
        assert!(!data.path().join("environments/one").exists());
    }

    #[tokio::test]
    async fn the_folder_is_held_until_the_last_handle_is_gone() {
        let data = tempfile::tempdir().expect("a folder can be made");
        let open = || SqliteBackend::open(data.path(), Options::default());
        let backend = open().expect("nobody holds it");
        let one = one(&backend).await;
        drop(backend);
        assert!(matches!(open().err(), Some(Error::InUse(_))), "an environment is still open");
        drop(one);
        open().expect("dropping is enough");
    }
}
