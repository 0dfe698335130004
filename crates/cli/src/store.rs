//! Which store: the data folder's own, or a PostgreSQL database. Nothing else knows that there are two.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use store::Backend;
use store_postgres::PostgresBackend;
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
