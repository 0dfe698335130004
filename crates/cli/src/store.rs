//! Which store: the data folder's own, or a PostgreSQL database. Nothing else knows that there are two.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use store::Backend;
use store_postgres::PostgresBackend;
pub(crate) use store_sqlite::Hold;
use store_sqlite::SqliteBackend;

/// What can be said about the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreConfig {
    /// A database; without it, files in the data folder.
    pub(crate) url: Option<String>,
    /// For files.
    pub(crate) sqlite: store_sqlite::Options,
    /// For a database.
    pub(crate) postgres: store_postgres::Options,
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

/// Opens the store. The folder is there.
pub(crate) async fn open(data: &Path, config: StoreConfig) -> Result<Arc<dyn Backend>> {
    if let Some(url) = &config.url {
        // The URL is not repeated: it holds a password.
        let backend = PostgresBackend::open(url, config.postgres).await.context("opening the store")?;
        return Ok(Arc::new(backend));
    }
    let backend = SqliteBackend::open(data, config.sqlite)
        .with_context(|| format!("opening the data folder {}", data.display()))?;
    Ok(Arc::new(backend))
}

/// A store, named by a URL: `sqlite:FOLDER` or `postgres://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        open(folder, StoreConfig { url, sqlite, postgres }).await
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
