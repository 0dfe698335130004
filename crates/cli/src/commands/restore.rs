//! `greenroom restore`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, anyhow};
use runtime::{Greenroom, clock::SystemClock, control::Actor};
use serde_json::json;

use super::serve::folder;
use crate::{
    arguments::In,
    client::routes,
    config::ServerConfig,
    context::Context,
    exit::Exit,
    output::text::at,
    store::{self, Store, StoreConfig},
};

/// Put a backup in an environment's place
///
/// What came in since the backup is gone from it. People who were erased meanwhile are erased again before it
/// serves; deliveries start paused. With --stopped it is done without a server, for when it does not start any
/// more.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    place: In,
    /// The backup's name in the server's folder of backups, as `backup` told it; with --stopped its path
    #[arg(value_name = "BACKUP")]
    name: String,
    #[command(flatten)]
    store: Store,
    /// The server's configuration file, with --stopped: it says where the data folder and the stores are
    #[arg(long, env = "GREENROOM_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server is stopped: work on the data folder itself
    #[arg(long)]
    stopped: bool,
    /// Ask nobody
    #[arg(long)]
    auto_approve: bool,
}

impl Restore {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let environment = &self.place.environment;
        if !self.auto_approve {
            if !context.interactive {
                context
                    .note("nothing was done: there is nobody here to ask. To go on, give --auto-approve")?;
                return Ok(Exit::ApprovalRequired);
            }
            if !context.confirm(&format!(
                "Put {} in the place of {environment}? What came in since is lost.",
                self.name
            ))? {
                context.note("nothing was done")?;
                return Ok(Exit::ApprovalRequired);
            }
        }
        if self.stopped {
            let mut config = ServerConfig::of(self.config.as_deref())?;
            config.store.url = self.store.store.or(config.store.url);
            let data = config.data.unwrap_or_else(|| context.global.data.clone());
            restore_stopped(&data, config.store, environment, Path::new(&self.name))?;
            writeln!(context.out, "{environment} is restored from {}; start the server again", self.name)?;
            return Ok(Exit::Done);
        }
        let path = format!("{}/restore", routes::environment(environment));
        let restored = context.client()?.post(&path, &json!({ "name": self.name }))?;
        context.show(&restored, |out| {
            Ok(writeln!(
                out,
                "{environment} is restored from {}, at epoch {}",
                self.name,
                at(&restored, "/epoch")
            )?)
        })?;
        Ok(Exit::Done)
    }
}

fn restore_stopped(data: &Path, config: StoreConfig, environment: &str, backup: &Path) -> Result<()> {
    anyhow::ensure!(
        backup.is_dir(),
        "{} is not a backup's folder; without a server, BACKUP is a path",
        backup.display()
    );
    folder::make(data)?;
    let actor = Actor { id: "operator".into(), name: "whoever had the data folder".into() };
    tokio::runtime::Runtime::new()?.block_on(async {
        let clock = Arc::new(SystemClock);
        let backend = store::open(data, config).await.map_err(|error| match error.downcast_ref() {
            Some(::store::Error::InUse(_)) => {
                anyhow!("{error:#}. Stop its server first, or leave --stopped out")
            }
            _ => error,
        })?;
        // What is in a backup was sealed with one.
        let master_key = folder::master_key(data, true)?;
        Greenroom::restore_stopped(&*backend, master_key, clock, environment, backup, actor)
            .await
            .with_context(|| format!("restoring {environment}"))
    })
}
