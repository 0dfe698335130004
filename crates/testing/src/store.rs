//! Somewhere to keep environments, for the time of one test: on the backend that the environment names, so that
//! the same tests run on each.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use store::Backend;
use store_sqlite::SqliteBackend;
use tempfile::TempDir;
use xtask::postgres::STORE_VARIABLE;

use crate::Database;

/// A folder, and for PostgreSQL a database. Gone with all that is in it when this is dropped.
pub struct Store {
    folder: TempDir,
    database: Option<Database>,
}

/// Whether the tests of this run are to be on PostgreSQL.
fn on_postgres() -> bool {
    match std::env::var(STORE_VARIABLE).as_deref() {
        Err(_) | Ok("sqlite") => false,
        Ok("postgres") => true,
        Ok(other) => panic!("{STORE_VARIABLE} is `sqlite` or `postgres`, not `{other}`"),
    }
}

impl Store {
    /// On the backend that [`STORE_VARIABLE`] names: SQLite, unless it says `postgres`.
    pub async fn make() -> Self {
        if on_postgres() { Self::postgres().await } else { Self::sqlite() }
    }

    /// In files.
    pub fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), database: None }
    }

    /// In a database.
    pub async fn postgres() -> Self {
        Self { database: Some(Database::make().await), ..Self::sqlite() }
    }

    /// Whether several nodes can have it open at a time.
    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// A backend on it. On PostgreSQL each is a node of its own; in a folder only one can be open at a time.
    pub async fn backend(&self) -> Arc<dyn Backend> {
        match &self.database {
            Some(database) => database.backend().await,
            None => Arc::new(
                SqliteBackend::open(self.folder(), store_sqlite::Options::default()).expect("it opens"),
            ),
        }
    }

    /// Room for files: those of the store, if it keeps any, and what a test puts beside them.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether a text stands anywhere in it: in any byte of any file, or in any row of any table. (What is left
    /// in PostgreSQL's pages once a row is gone is for the tests of that store.)
    pub async fn holds(&self, text: &str) -> bool {
        let in_files = files(self.folder()).iter().any(|file| {
            let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        });
        match &self.database {
            Some(database) => in_files || database.holds(text).await,
            None => in_files,
        }
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
