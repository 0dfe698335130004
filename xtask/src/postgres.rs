//! A PostgreSQL server of our own, in a folder: for the bench's baseline and for tests.

use std::{
    env,
    fs::{self, File},
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio, id},
};

use anyhow::{Context, Result, ensure};

use crate::{process, test::setup};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// The Debian package with these programs.
pub(crate) const PACKAGE: &str = "postgresql-15";

/// Whether they are there.
pub(crate) fn present() -> bool {
    Path::new(PROGRAMS).join("postgres").exists()
}

/// Who is let in without a word.
#[derive(Clone, Copy)]
pub(crate) enum Access<'a> {
    /// Everybody who can reach the socket.
    Trust,
    /// Nobody: the superuser has this password.
    Password(&'a str),
}

/// A server that runs, reachable by a socket in its folder. It is stopped when this is dropped.
pub(crate) struct Cluster {
    folder: PathBuf,
    as_root: bool,
}

impl Cluster {
    /// Makes a cluster in a folder that is there and empty, and starts it with these settings.
    pub(crate) fn start(folder: &Path, access: Access<'_>, settings: &str) -> Result<Self> {
        if !present() {
            setup::apt(&[PACKAGE])?;
        }
        let as_root = process::output(Command::new("id").arg("-u"))?.trim() == "0";
        let cluster = Self { folder: folder.to_owned(), as_root };
        let data = folder.join("data").display().to_string();
        let password = folder.join("password").display().to_string();
        let mut arguments = vec!["-U", "postgres", "-E", "UTF8", "--locale=C", "-D", &data];
        match access {
            Access::Trust => arguments.extend(["-A", "trust"]),
            Access::Password(text) => {
                fs::write(&password, text).with_context(|| format!("writing {password}"))?;
                arguments.extend(["-A", "scram-sha-256", "--pwfile", &password]);
            }
        }
        if as_root {
            // PostgreSQL refuses to run as root; its Debian package brings a user.
            process::output(Command::new("chown").arg("-R").arg("postgres").arg(folder))?;
        }
        process::output(cluster.command("initdb").args(arguments))?;
        let file = folder.join("data/postgresql.conf");
        let mut text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        text.push_str(settings);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        cluster.begin(&data)?;
        Ok(cluster)
    }

    fn begin(&self, data: &str) -> Result<()> {
        let socket = format!("-k {}", self.folder.display());
        let log = self.folder.join("log").display().to_string();
        let started = self
            .command("pg_ctl")
            .args(["start", "-w", "-D", data, "-l", &log, "-o", &socket])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        let said = || fs::read_to_string(&log).unwrap_or_default();
        ensure!(started.success(), "PostgreSQL did not start:\n{}", said());
        Ok(())
    }

    /// One of the server's programs, as the user that the server runs as.
    pub(crate) fn command(&self, program: &str) -> Command {
        let program = Path::new(PROGRAMS).join(program);
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder).env("PGUSER", "postgres");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.folder.join("data").display().to_string();
        if let Err(error) =
            process::output(self.command("pg_ctl").args(["stop", "-m", "immediate", "-D", &data]))
        {
            eprintln!("PostgreSQL was not stopped: {error:#}");
        }
    }
}

/// What tests need: many connections (each test has a database and pools of its own), little memory, and
/// encryption for those who ask for it. What they write lives as long as they do, and none of them cuts the
/// power, so nothing is synced: that halves their time and leaves the disk to those who measure it.
const FOR_TESTS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 300
shared_buffers = 64MB
fsync = off
full_page_writes = off
ssl = on
";

/// A server for tests, in a temporary folder that goes with it.
pub(crate) struct ForTests {
    cluster: Option<Cluster>,
    folder: PathBuf,
    /// The superuser's URL.
    pub(crate) url: String,
}

impl ForTests {
    pub(crate) fn start() -> Result<Self> {
        // The path of a socket may have no more than 107 bytes: not in the target folder.
        let folder = env::temp_dir().join(format!("greenroom-postgres-{}", id()));
        let mut random = [0; 16];
        File::open("/dev/urandom")
            .and_then(|mut chance| chance.read_exact(&mut random))
            .context("/dev/urandom")?;
        let password = format!("{:032x}", u128::from_le_bytes(random));
        fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        // Free now; whoever takes it in the next second makes the start fail.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr())?.port();
        let url = format!("postgres://postgres:{password}@localhost:{port}/postgres");
        // From here on the folder is removed, whatever happens.
        let mut server = Self { cluster: None, folder, url };
        let (certificate, key) = certificate(&server.folder)?;
        let settings =
            format!("{FOR_TESTS}port = {port}\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n");
        server.cluster = Some(Cluster::start(&server.folder, Access::Password(&password), &settings)?);
        Ok(server)
    }
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

impl Drop for ForTests {
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
        let server = ForTests::start().expect("PostgreSQL is installed");
        let folder = server.folder.clone();
        let cluster = server.cluster.as_ref().expect("it runs");
        let answer = process::output(cluster.command("psql").args(["-Atc", "SELECT 6 * 7", &server.url]));
        assert_eq!(answer.expect("it answers").trim(), "42");
        drop(server);
        assert!(!folder.exists());
    }
}
