//! Stores of both kinds, each test its own.

use std::{path::PathBuf, sync::Arc};

use store::Backend;
use store_postgres::PostgresBackend;
use store_sqlite::SqliteBackend;
use tokio_postgres::{Client, NoTls};

/// A superuser's URL; `cargo xtask test` starts a server and sets it.
const VARIABLE: &str = "GREENROOM_TEST_POSTGRES";

/// Where a store is kept, until it is dropped.
pub(crate) enum Place {
    Folder(tempfile::TempDir),
    Database(Database),
}

pub(crate) fn folder() -> Place {
    Place::Folder(tempfile::tempdir().expect("a temporary folder"))
}

pub(crate) async fn database() -> Place {
    Place::Database(Database::make().await)
}

impl Place {
    pub(crate) async fn open(&self) -> Arc<dyn Backend> {
        match self {
            Self::Folder(folder) => {
                let opened = SqliteBackend::open(folder.path(), store_sqlite::Options::default());
                Arc::new(opened.expect("nobody holds it"))
            }
            Self::Database(database) => {
                let opened = PostgresBackend::open(&database.url, store_postgres::Options::default()).await;
                Arc::new(opened.expect("the server answers"))
            }
        }
    }

    /// Every byte that it keeps, as far as it can be had.
    pub(crate) async fn holds(&self, marker: &str) -> bool {
        match self {
            Self::Folder(folder) => files(folder.path().to_owned()).iter().any(|file| {
                let bytes = std::fs::read(file).expect("it reads");
                bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
            }),
            Self::Database(database) => database.holds(marker).await,
        }
    }
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(path)) } else { found.push(path) }
    }
    found
}

/// A database that is dropped with the roles of its environments.
pub(crate) struct Database {
    name: String,
    url: String,
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}

fn server() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} names no server to test on; `cargo xtask test` starts one and sets it")
    })
}

impl Database {
    async fn make() -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("there is chance");
        let name = format!("greenroom_test_{:016x}", u64::from_le_bytes(random));
        connect(&server()).await.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("it is made");
        let server = server();
        let (base, _) = server.rsplit_once('/').expect("a URL names a database");
        Self { url: format!("{base}/{name}"), name }
    }

    async fn holds(&self, marker: &str) -> bool {
        let client = connect(&self.url).await;
        let tables = "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
                      WHERE schemaname LIKE 'env_%' OR schemaname = 'greenroom'";
        let marker = marker.replace('\'', "''");
        for row in client.query(tables, &[]).await.expect("it reads") {
            let table: String = row.get(0);
            // A row as text shows bytes in hexadecimal.
            let hex = store::encoding::hex(marker.as_bytes());
            let sql = format!(
                "SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%{marker}%' OR t::text LIKE '%{hex}%'"
            );
            let found: i64 = client.query_one(&sql, &[]).await.expect("it reads").get(0);
            if found > 0 {
                return true;
            }
        }
        false
    }
}

async fn drop_all(name: String, url: String) {
    let client = connect(&url).await;
    let roles: Vec<String> = match client.query("SELECT role FROM greenroom.environment", &[]).await {
        Ok(rows) => rows.iter().map(|row| row.get(0)).collect(),
        Err(_) => Vec::new(),
    };
    drop(client);
    let maker = connect(&server()).await;
    let _ = maker.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
    for role in roles {
        let _ = maker.batch_execute(&format!("DROP ROLE IF EXISTS \"{role}\"")).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (name, url) = (self.name.clone(), self.url.clone());
        // The test's own runtime is ending.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(drop_all(name, url));
            }
        });
        let _ = cleaning.join();
    }
}
