//! A PostgreSQL server of our own, in a folder: for the bench's baseline and for tests.

mod server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{process, test::setup};

pub use server::Server;

/// Names the server for tests: a superuser's URL. Whoever sets it lets every test make databases and roles there.
pub const SERVER_VARIABLE: &str = "GREENROOM_TEST_POSTGRES";

/// Which store tests run on that are to hold on each: `sqlite` (as when it is not set) or `postgres`.
pub const STORE_VARIABLE: &str = "GREENROOM_TEST_STORE";

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
        let data = cluster.data();
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
        cluster.begin()?;
        Ok(cluster)
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    /// Starts it, for the first time or again, and waits until it lets clients in.
    fn begin(&self) -> Result<()> {
        let data = self.data();
        let socket = format!("-k {}", self.folder.display());
        let log = self.folder.join("log").display().to_string();
        let started = self
            .command("pg_ctl")
            .args(["start", "-w", "-D", &data, "-l", &log, "-o", &socket])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        let said = || fs::read_to_string(&log).unwrap_or_default();
        ensure!(started.success(), "PostgreSQL did not start:\n{}", said());
        Ok(())
    }

    /// Ends it at once, as a crash would: what it has not written it makes good when it starts again.
    fn crash(&self) -> Result<()> {
        process::output(self.command("pg_ctl").args(["stop", "-m", "immediate", "-D", &self.data()]))
            .map(drop)
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
        if let Err(error) = self.crash() {
            eprintln!("PostgreSQL was not stopped: {error:#}");
        }
    }
}
