//! Which store: the data folder's own, or a PostgreSQL database; and others for single environments. Nothing else knows
//! that there are two kinds.

mod places;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use store::Backend;
use store_postgres::PostgresBackend;
pub(crate) use store_sqlite::Hold;
use store_sqlite::SqliteBackend;

use places::{Kept, Places};

/// What can be said about the store.
#[derive(Clone, Default)]
pub(crate) struct StoreConfig {
    /// A database; without it, files in the data folder.
    pub(crate) url: Option<String>,
    /// For files.
    pub(crate) sqlite: store_sqlite::Options,
    /// For a database.
    pub(crate) postgres: store_postgres::Options,
    /// Environments that have a store of their own, by name.
    pub(crate) environments: BTreeMap<String, OwnStore>,
}

impl StoreConfig {
    /// The stores of single environments, each once, with the environments that it is for.
    pub(crate) fn owns(&self) -> Vec<(Vec<&str>, &OwnStore)> {
        let mut owns: Vec<(Vec<&str>, &OwnStore)> = Vec::new();
        for (name, own) in &self.environments {
            match owns.iter_mut().find(|(_, known)| known.is(own)) {
                Some((names, _)) => names.push(name),
                None => owns.push((vec![name], own)),
            }
        }
        owns
    }
}

/// The store of one environment.
#[derive(Clone)]
pub(crate) struct OwnStore {
    /// Where.
    pub(crate) at: Place,
    /// If it is a database.
    pub(crate) postgres: store_postgres::Options,
}

impl OwnStore {
    /// Whether one handle does for both.
    fn is(&self, other: &Self) -> bool {
        self.at.is(&other.at) && (self.at.folder().is_some() || self.postgres == other.postgres)
    }
}

/// The choice of a store on the command line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Store {
    /// Where environments are kept: postgres://USER:PASSWORD@HOST:PORT/DATABASE instead of files in the data
    /// folder
    #[arg(long, env = "GREENROOM_STORE", hide_env_values = true, value_name = "URL")]
    pub(crate) store: Option<String>,
}

/// Holds a data folder whose store is a database: the key and the token in it, and `serving.json`, are one server's.
/// `None` for one with a store in it, which holds it itself.
pub(crate) fn hold(data: &Path, config: &StoreConfig) -> Result<Option<Hold>> {
    let held = config.url.as_ref().map(|_| Hold::take(data)).transpose();
    held.context("each server over a database needs a data folder of its own (--data)")
}

/// Opens the store. The folder is there. Stores of single environments are opened when they are needed: one that does not
/// answer is that environment's trouble alone.
pub(crate) async fn open(data: &Path, config: StoreConfig) -> Result<Arc<dyn Backend>> {
    let folder = Place::Folder(data.to_owned());
    if let Some((name, _)) = config.environments.iter().find(|(_, own)| own.at.is(&folder)) {
        bail!(
            "[environments.{name}.store] names the data folder itself: give it a folder of its own, or take the entry \
             out if the data folder keeps all environments"
        );
    }
    let main: Arc<dyn Backend> = if let Some(url) = &config.url {
        // The URL is not repeated: it holds a password.
        Arc::new(PostgresBackend::open(url, config.postgres).await.context("opening the store")?)
    } else {
        let backend = SqliteBackend::open(data, config.sqlite.clone());
        Arc::new(backend.with_context(|| format!("opening the data folder {}", data.display()))?)
    };
    if config.environments.is_empty() {
        return Ok(main);
    }
    Ok(Arc::new(Places::new(main, Kept::all(config.environments, &config.sqlite))))
}

/// A store, named by a URL: `sqlite:FOLDER` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A data folder.
    Folder(PathBuf),
    /// A database. Its URL holds a password.
    Database(String),
}

impl Place {
    /// The store of a URL.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        if let Some(folder) = url.strip_prefix("sqlite:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            if folder.is_empty() {
                bail!("`{url}` names no folder; write sqlite:FOLDER");
            }
            return Ok(Self::Folder(folder.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Database(url.to_owned()));
        }
        // What may be a password is not repeated.
        let scheme = url.split(':').next().unwrap_or_default();
        bail!("`{scheme}` is not a store: write sqlite:FOLDER or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    }

    /// The data folder, of one that is in files.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Database(_) => None,
        }
    }

    /// What it is, without what may be a password.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Folder(folder) => format!("in the folder {}", folder.display()),
            Self::Database(_) => "in a database".to_owned(),
        }
    }

    /// Whether it is the same store, as far as their names tell.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let whole = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        match (self, other) {
            (Self::Folder(a), Self::Folder(b)) => whole(a) == whole(b),
            (a, b) => a == b,
        }
    }

    /// Opens what must have been used before.
    pub(crate) async fn open_existing(&self) -> Result<Arc<dyn Backend>> {
        self.open_with(true).await
    }

    /// Opens it, and makes what is missing.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Backend>> {
        self.open_with(false).await
    }

    async fn open_with(&self, must_exist: bool) -> Result<Arc<dyn Backend>> {
        let (sqlite, postgres) = (
            store_sqlite::Options { must_exist, ..store_sqlite::Options::default() },
            store_postgres::Options { must_exist, ..store_postgres::Options::default() },
        );
        let (folder, url) = match self {
            Self::Folder(folder) => (folder.as_path(), None),
            Self::Database(url) => (Path::new(""), Some(url.clone())),
        };
        open(folder, StoreConfig { url, sqlite, postgres, ..StoreConfig::default() }).await
    }
}

/// A database's URL holds a password.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            Self::Database(_) => f.debug_tuple("Database").finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_stores() -> Result<()> {
        assert_eq!(Place::parse("sqlite:data")?, Place::Folder("data".into()));
        assert_eq!(Place::parse("sqlite:///var/data")?, Place::Folder("/var/data".into()));
        assert_eq!(Place::parse("postgres://a:b@c/d")?, Place::Database("postgres://a:b@c/d".into()));
        for (url, said) in [
            ("sqlite:", "names no folder"),
            ("mysql://root:hush@host/db", "`mysql` is not a store"),
            ("./data", "sqlite:FOLDER"),
            ("", "sqlite:FOLDER"),
        ] {
            let error = format!("{:#}", Place::parse(url).expect_err("no store"));
            assert!(error.contains(said) && !error.contains("hush"), "{url}: {error}");
        }
        assert!(Place::parse("sqlite:.")?.is(&Place::parse("sqlite:./")?));
        assert!(!Place::parse("sqlite:.")?.is(&Place::parse("sqlite:..")?));
        Ok(())
    }
}
