//! `greenroom serve`.

pub(crate) mod folder;
mod logs;
mod running;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Result;

pub(crate) use folder::{MASTER_KEY_FILE, MASTER_KEY_VARIABLE, has_environments};
pub(crate) use running::{serves, start};

use crate::{
    config::{self, LogForm, ServerConfig},
    context::Context,
    exit::Exit,
    store::Store,
};

/// Run the server on a data folder
///
/// Makes the folder at the first start, with the environment `live`, the master key that seals secrets, and
/// the first administrator, whose token it writes to admin.token there. Listens on this machine only, unless
/// told otherwise. SIGTERM or Ctrl-C end it: requests in flight are answered first.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    store: Store,
    /// A configuration file (TOML); `greenroom config check` checks one
    #[arg(long, env = "GREENROOM_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// An address to listen on, instead of those in the file (repeated); 127.0.0.1:7780 by default
    #[arg(long = "listen", value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
    /// What this process is called among those that share a database; the machine's name and the process's
    /// number by default
    #[arg(long, env = "GREENROOM_NODE", hide_env_values = true, value_name = "NAME")]
    node: Option<String>,
    /// After SIGTERM, say "not ready" and go on serving for so long, so that a load balancer turns away first
    #[arg(long, value_name = "SECONDS")]
    drain: Option<u64>,
    /// The form of log lines (on standard error)
    #[arg(long, value_enum, value_name = "FORM")]
    log_form: Option<LogForm>,
    /// Which log lines: info, warn, debug, or like "info,access=off"
    #[arg(long, env = "GREENROOM_LOG", hide_env_values = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Serve {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let mut config = ServerConfig::of(self.config.as_deref())?;
        if !self.listen.is_empty() {
            config.listeners = self.listen.iter().copied().map(config::listener).collect();
        }
        if let Some(form) = self.log_form {
            config.log_form = form;
        }
        if let Some(level) = self.log_level {
            config.log_level = level;
        }
        if let Some(node) = self.node {
            config.options.node = node;
        }
        if let Some(seconds) = self.drain {
            config.drain = Duration::from_secs(seconds);
        }
        if let Some(url) = self.store.store {
            config.store.url = Some(url);
        }
        let data = config.data.clone().unwrap_or_else(|| context.global.data.clone());
        logs::begin(config.log_form, &config.log_level)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let running = start(&data, config).await?;
            running.tell();
            running.until_told().await?;
            anyhow::Ok(())
        })?;
        Ok(Exit::Done)
    }
}
