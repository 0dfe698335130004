//! A database of its own for each test, on the server that the environment names.

use std::{cell::RefCell, sync::Arc, thread::JoinHandle};

use store::Backend;
use store_postgres::{Options, PostgresBackend};
use tokio_postgres::{Client, Config, NoTls};
use xtask::postgres::SERVER_VARIABLE;

/// A database that is dropped with everything in it, the roles of its environments too.
pub struct Database {
    /// Its name.
    pub name: String,
    /// As the superuser.
    pub url: String,
}

/// The server's URL.
fn server() -> String {
    std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
        panic!("{SERVER_VARIABLE} names no server to test on; `cargo xtask test` starts one and sets it")
    })
}

/// A URL with another database in it.
fn with_database(url: &str, name: &str) -> String {
    let (url, query) =
        url.split_once('?').map_or((url, String::new()), |(url, query)| (url, format!("?{query}")));
    let end = url.rfind('/').expect("a URL names a database");
    format!("{}/{name}{query}", &url[..end])
}

/// A connection as the URL says.
pub async fn connect(url: &str) -> Client {
    let config: Config = url.parse().expect("it is a URL");
    let (client, connection) = config.connect(NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}

impl Database {
    /// Makes one, empty.
    pub async fn make() -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("there is chance");
        let name = format!("greenroom_test_{:016x}", u64::from_le_bytes(random));
        let maker = connect(&server()).await;
        maker.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("it can be made");
        Self { url: with_database(&server(), &name), name }
    }

    /// A backend on it: each is a node of its own.
    pub async fn backend(&self) -> Arc<dyn Backend> {
        self.backend_with(Options::default()).await
    }

    /// The same with other options.
    pub async fn backend_with(&self, options: Options) -> Arc<dyn Backend> {
        Arc::new(PostgresBackend::open(&self.url, options).await.expect("the database is there"))
    }

    /// The same, told that its tables are distributed over so many shards.
    pub async fn backend_over(&self, shards: u16) -> Arc<dyn Backend> {
        self.backend_with(Options { distributed_over: Some(shards), ..Options::default() }).await
    }

    /// A superuser's connection into it.
    pub async fn superuser(&self) -> Client {
        connect(&self.url).await
    }

    /// Role and password of an environment.
    pub async fn role(&self, environment: &str) -> (String, String) {
        let row = self
            .superuser()
            .await
            .query_one("SELECT role, password FROM greenroom.environment WHERE name = $1", &[&environment])
            .await
            .expect("it is registered");
        (row.get(0), row.get(1))
    }

    /// The schema of an environment.
    pub async fn schema(&self, environment: &str) -> String {
        let row = self
            .superuser()
            .await
            .query_one("SELECT schema FROM greenroom.environment WHERE name = $1", &[&environment])
            .await
            .expect("it is registered");
        row.get(0)
    }

    /// Whether a text stands in any row of any table, as text or as bytes.
    pub async fn holds(&self, text: &str) -> bool {
        let client = self.superuser().await;
        let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
        for row in client.query(tables, &[]).await.expect("a superuser may") {
            // Bytes are shown as hexadecimal digits.
            let table: String = row.get(0);
            let sql = format!(
                "SELECT EXISTS (SELECT FROM {table} AS one WHERE position($1 IN one::text) > 0
                 OR position(encode(convert_to($1, 'UTF8'), 'hex') IN one::text) > 0)"
            );
            if client.query_one(&sql, &[&text]).await.expect("a superuser may").get(0) {
                return true;
            }
        }
        false
    }

    /// The URL with another user.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        let at = self.url.rfind('@').expect("a URL names a user");
        format!("postgres://{user}:{password}{}", &self.url[at..])
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

/// Waits, when the test's thread ends, for what is being dropped.
#[derive(Default)]
struct Leaving(RefCell<Vec<JoinHandle<()>>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        for cleaning in self.0.take() {
            // The next test does not need it gone.
            let _ = cleaning.join();
        }
    }
}

thread_local! {
    static LEAVING: Leaving = Leaving::default();
}

impl Drop for Database {
    fn drop(&mut self) {
        let (name, url) = (self.name.clone(), self.url.clone());
        // The test's own runtime is ending. It must not be waited for here, on its thread: as long as one of its
        // connections is halfway through logging in, the server drops no database.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(drop_all(name, url));
            }
        });
        LEAVING.with(|leaving| leaving.0.borrow_mut().push(cleaning));
    }
}
