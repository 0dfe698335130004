//! An environment that is open in this process: its threads, and who holds on to them.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use store::{Error, Identity, RegistryRow, Result};

use crate::{
    Options,
    anchor::Anchor,
    backup, connection,
    fault::{self, Fault, damaged},
    folder::{self, Folder},
    readers::Readers,
    recent::{Recent, Shared},
    schema,
    tables::{identity, lives::Long, position::Position},
    writer::{Job, Writer, erase},
};

/// An environment that is open in this process. All its handles share it.
pub(crate) struct Opened {
    pub(crate) identity: Identity,
    pub(crate) path: PathBuf,
    running: Mutex<Running>,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) recent: Shared,
    pub(crate) long: Long,
}

struct Running {
    handles: usize,
    readers: Option<Arc<Mutex<Readers>>>,
    writer: Option<JoinHandle<()>>,
    /// Held until the last handle goes.
    folder: Option<Arc<Folder>>,
}

impl Opened {
    /// Opens a store, and checks that it is the right one, whole, and not older than what was acknowledged.
    /// `being_made`: who it is going to be, of a store that does not say so yet.
    pub(crate) fn open(
        row: &RegistryRow,
        folder: Arc<Folder>,
        options: Options,
        being_made: Option<&Identity>,
    ) -> Result<Arc<Self>> {
        let name = &row.name;
        let told = |fault: Fault| fault.told(name, "opening its store");
        let path = folder.store(name);
        backup::finish_swap(&path)?;
        if !path.exists() {
            return Err(Error::Missing(format!(
                "the data file of environment `{name}` ({})",
                path.display()
            )));
        }
        let mut connection = connection::writing(&path, &options).map_err(told)?;
        schema::migrate(&mut connection, schema::STORE, &path.display().to_string()).map_err(told)?;
        let said = match being_made {
            Some(identity) => Some(identity.clone()),
            None => identity::read(&connection).map_err(told)?,
        };
        let identity = said.ok_or_else(|| Error::Damaged {
            what: format!("{}", path.display()),
            detail: "it has no identity".into(),
        })?;
        if identity.id != row.id || identity.name != *name || identity.live != row.live {
            return Err(Error::Refused(format!(
                "{} holds environment `{}`, the registry says `{name}`; put the right file back",
                path.display(),
                identity.name
            )));
        }
        let position = Position::read(&connection).map_err(told)?;
        let mut anchor = Anchor::new(folder.anchors(name));
        anchor.check(&connection, &identity, position)?;
        end_fits(&connection, position).map_err(told)?;
        erase::reconcile(&connection, &folder.erasures(name)).map_err(told)?;
        for file in folder::with_companions(&path).iter().filter(|file| file.exists()) {
            folder::restrict(file)?;
        }
        let readers = Readers::start(&path, name, &options).map_err(told)?;
        let recent = Shared::new(Recent::load(&connection, options.keys_gathered).map_err(told)?);
        let (jobs, writer) = Writer::start(
            identity.clone(),
            Arc::clone(&folder),
            options,
            connection,
            recent.clone(),
            position,
            anchor,
        )?;
        let running = Running {
            handles: 0,
            readers: Some(Arc::new(Mutex::new(readers))),
            writer: Some(writer),
            folder: Some(folder),
        };
        Ok(Arc::new(Self {
            identity,
            path,
            running: Mutex::new(running),
            jobs,
            recent,
            long: Long::default(),
        }))
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // Nothing in there is ever half changed.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any handle is open.
    pub(crate) fn serves(&self) -> bool {
        self.running().handles > 0
    }

    /// Another handle comes; `None` when the last one has gone meanwhile.
    pub(crate) fn join(&self) -> Option<Arc<Mutex<Readers>>> {
        let mut running = self.running();
        let readers = Arc::clone(running.readers.as_ref()?);
        running.handles += 1;
        Some(readers)
    }

    /// Lets a handle go; the last one ends the threads and with them the hold on the files.
    pub(crate) fn leave(&self) {
        let mut running = self.running();
        running.handles -= 1;
        if running.handles > 0 {
            return;
        }
        if let Some(readers) = running.readers.take() {
            readers.lock().unwrap_or_else(PoisonError::into_inner).stop();
        }
        // Without readers the log can be emptied.
        let _ = self.jobs.send(Job::Stop);
        running.folder = None;
        if let Some(writer) = running.writer.take() {
            if writer.thread().id() == thread::current().id() {
                return; // a handle was dropped inside a batch; the thread ends by itself
            }
            let _ = writer.join();
        }
    }
}

/// The journal ends where the position says.
fn end_fits(connection: &Connection, position: Position) -> fault::Result<()> {
    let last: i64 =
        connection.query_row("SELECT coalesce(max(seq), 0) FROM journal", [], |row| row.get(0))?;
    if last == position.seq {
        return Ok(());
    }
    Err(damaged("the journal", format!("it ends at row {last}, the store's position says {}", position.seq)))
}
