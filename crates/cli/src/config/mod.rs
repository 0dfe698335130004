//! How the server runs: its configuration file, over defaults that suit one machine.

mod read;
mod stores;
mod table;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

pub(crate) use table::Fault;

use crate::store::StoreConfig;

/// Where the server listens when nothing else is said.
pub(crate) const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7780);

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogForm {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything the file can say.
#[derive(Clone)]
pub(crate) struct ServerConfig {
    /// The data folder, if it says one.
    pub(crate) data: Option<PathBuf>,
    /// The folder of backups; `backups` in the data folder by default.
    pub(crate) backups: Option<PathBuf>,
    pub(crate) log_form: LogForm,
    /// As `tracing` reads it: `info`, `warn,access=off`.
    pub(crate) log_level: String,
    pub(crate) listeners: Vec<server::ListenerConfig>,
    pub(crate) options: runtime::environment::Options,
    pub(crate) store: StoreConfig,
    /// How long to say "not ready" and still serve, when told to stop.
    pub(crate) drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            data: None,
            backups: None,
            log_form: LogForm::Text,
            log_level: "info".into(),
            listeners: vec![listener(ADDRESS)],
            options: runtime::environment::Options { node: this_process(), ..Default::default() },
            store: StoreConfig::default(),
            drain: Duration::ZERO,
        }
    }
}

/// The machine's name and the process's number: who is meant, when several serve one database.
fn this_process() -> String {
    let machine = rustix::system::uname();
    format!("{}-{}", machine.nodename().to_string_lossy(), std::process::id())
}

/// A listener with all defaults.
pub(crate) fn listener(address: SocketAddr) -> server::ListenerConfig {
    server::ListenerConfig { address, ..server::ListenerConfig::default() }
}

impl ServerConfig {
    /// Reads a file's text; all faults together, in the order of their places.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        read::config(text)
    }

    /// What a file says, or the defaults.
    pub(crate) fn of(file: Option<&Path>) -> Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        match Self::load(file)? {
            Ok(config) => Ok(config),
            Err(faults) => bail!("the configuration has faults\n{}", faults.join("\n")),
        }
    }

    /// Reads a file. Faults are told with the file's name, line and column.
    pub(crate) fn load(path: &Path) -> Result<Result<Self, Vec<String>>> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::parse(&text)
            .map_err(|faults| faults.iter().map(|fault| format!("{}:{fault}", path.display())).collect()))
    }
}
