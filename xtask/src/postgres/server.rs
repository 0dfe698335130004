//! A server for tests: on a port of its own, with a password and a certificate, in a temporary folder.

use std::{
    env,
    fs::{self, File},
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{Access, Cluster};
use crate::process;

/// What tests need: many connections (each test has a database and pools of its own), little memory, and
/// encryption for those who ask for it.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 300
shared_buffers = 64MB
ssl = on
";

/// What most tests write lives as long as they do, and they do not crash the server, so nothing is synced: that
/// halves their time and leaves the disk to those who measure it.
const FORGETFUL: &str = "
fsync = off
full_page_writes = off
";

/// A server for tests, in a temporary folder that goes with it.
pub struct Server {
    cluster: Option<Cluster>,
    folder: PathBuf,
    /// The superuser's URL.
    pub url: String,
}

impl Server {
    /// One that syncs nothing.
    pub fn forgetful() -> Result<Self> {
        Self::start(FORGETFUL)
    }

    /// One that keeps what it said it had committed.
    pub fn durable() -> Result<Self> {
        Self::start("")
    }

    /// Ends it as a crash would, and starts it again.
    pub fn crash_and_recover(&self) -> Result<()> {
        let cluster = self.cluster.as_ref().context("it was never started")?;
        cluster.crash()?;
        cluster.begin()
    }

    /// What it has logged.
    pub fn log(&self) -> Result<String> {
        let log = self.folder.join("log");
        fs::read_to_string(&log).with_context(|| format!("reading {}", log.display()))
    }

    /// What the superuser is answered, a line a row.
    pub fn ask(&self, sql: &str) -> Result<String> {
        self.psql(&self.url, sql)
    }

    /// The same in a database that [`Server::database`] has made.
    pub fn ask_in(&self, database: &str, sql: &str) -> Result<String> {
        self.psql(&self.url_of(database), sql)
    }

    fn psql(&self, url: &str, sql: &str) -> Result<String> {
        let cluster = self.cluster.as_ref().context("it was never started")?;
        process::output(cluster.command("psql").args(["-qAtc", sql, url]))
    }

    fn url_of(&self, database: &str) -> String {
        format!("{}/{database}", self.url.trim_end_matches("/postgres"))
    }

    /// Makes a database; its URL.
    pub fn database(&self, name: &str) -> Result<String> {
        self.ask(&format!("CREATE DATABASE {name}"))?;
        Ok(self.url_of(name))
    }

    fn start(settings: &str) -> Result<Self> {
        // The path of a socket may have no more than 107 bytes: not in the target folder.
        let folder = env::temp_dir().join(format!("greenroom-postgres-{:08x}", random()? % (1 << 32)));
        let password = format!("{:032x}", random()?);
        fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        // Free now; whoever takes it in the next second makes the start fail.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr())?.port();
        let url = format!("postgres://postgres:{password}@localhost:{port}/postgres");
        // From here on the folder is removed, whatever happens.
        let mut server = Self { cluster: None, folder, url };
        let (certificate, key) = certificate(&server.folder)?;
        let settings = format!(
            "{SETTINGS}{settings}port = {port}\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n"
        );
        server.cluster = Some(Cluster::start(&server.folder, Access::Password(&password), &settings)?);
        Ok(server)
    }
}

fn random() -> Result<u128> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut chance| chance.read_exact(&mut bytes))
        .context("/dev/urandom")?;
    Ok(u128::from_le_bytes(bytes))
}

/// Makes a certificate for `localhost` that nobody has signed but itself; answers its file and its key's.
/// (`openssl` comes with the package of the server.)
fn certificate(folder: &Path) -> Result<(String, String)> {
    let [certificate, key] = ["server.crt", "server.key"].map(|name| folder.join(name).display().to_string());
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=localhost"]);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.args([
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    process::output(command.args(["-out", &certificate, "-keyout", &key]))?;
    Ok((certificate, key))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cluster = None;
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} was not removed: {error}", self.folder.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_for_tests_answers_and_leaves_nothing() {
        let server = Server::forgetful().expect("PostgreSQL is installed");
        let folder = server.folder.clone();
        assert_eq!(server.ask("SELECT 6 * 7").expect("it answers").trim(), "42");
        drop(server);
        assert!(!folder.exists());
    }
}
