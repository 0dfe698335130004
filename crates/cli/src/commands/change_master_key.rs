//! `greenroom change-master-key`.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, anyhow, ensure};
use runtime::{
    clock::SystemClock,
    control::Actor,
    master_key::{Changed, MasterKeyChange},
};
use serde_json::json;

use super::serve::{MASTER_KEY_FILE, MASTER_KEY_VARIABLE, folder};
use crate::{
    config::ServerConfig,
    context::Context,
    exit::Exit,
    store::{self, Store},
};

/// Seal everything with another master key
///
/// All servers must be stopped. Secrets are sealed anew in every environment, each in one step; constants' values stay in
/// the journal as they are, and the key before is kept beside them, sealed with the new one. Broken off, the same command
/// again goes on. Needs the key of now, as a server finds it; one that is lost cannot be changed.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeMasterKey {
    #[command(flatten)]
    store: Store,
    /// The server's configuration file: it says where the data folder and the stores are
    #[arg(long, env = "GREENROOM_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with the new master key, 64 hexadecimal digits; without it, one is made in the data folder
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    /// Ask nobody
    #[arg(long)]
    auto_approve: bool,
}

impl ChangeMasterKey {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        if !self.auto_approve {
            if !context.interactive {
                context
                    .note("nothing was done: there is nobody here to ask. To go on, give --auto-approve")?;
                return Ok(Exit::ApprovalRequired);
            }
            if !context.confirm("Seal everything in every environment with another master key?")? {
                context.note("nothing was done")?;
                return Ok(Exit::ApprovalRequired);
            }
        }
        let mut config = ServerConfig::of(self.config.as_deref())?;
        config.store.url = self.store.store.or(config.store.url);
        let data = config.data.unwrap_or_else(|| context.global.data.clone());
        ensure!(data.is_dir(), "there is no data folder {}; name the server's with --data", data.display());
        rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));

        let stopped = |error: anyhow::Error| match error.downcast_ref() {
            Some(::store::Error::InUse(_)) => anyhow!("{error:#}. Stop its server first"),
            _ => error,
        };
        let runtime = tokio::runtime::Runtime::new()?;
        let _hold = store::hold(&data, &config.store).map_err(stopped)?;
        let backend = runtime.block_on(store::open(&data, config.store)).map_err(stopped)?;
        let before = folder::master_key(&data, true)?;
        let (after, file) = match self.new_key_file.clone() {
            Some(file) => (folder::master_key_in(&file)?, file),
            None => folder::new_master_key(&data, &before)?,
        };
        ensure!(before != after, "the key in {} is the one of now", file.display());
        let actor = Actor { id: "operator".into(), name: "whoever had the data folder".into() };
        let change = MasterKeyChange::new(before, after, Arc::new(SystemClock), actor);
        let changed = runtime.block_on(change.run(&*backend)).context("changing the master key")?;

        let is_folders = self.new_key_file.is_none() && std::env::var_os(MASTER_KEY_VARIABLE).is_none();
        let (place, kept) = if is_folders {
            let kept = folder::replace_master_key(&data, &before)?;
            (data.join(MASTER_KEY_FILE), Some(kept))
        } else {
            (file, None)
        };
        tell(context, &changed)?;
        let servers = if is_folders {
            format!("the new key is in {}", place.display())
        } else {
            format!(
                "the new key is in {}: put it where the servers find theirs ({MASTER_KEY_VARIABLE}, or {MASTER_KEY_FILE} in \
                 their data folders) before you start them",
                place.display()
            )
        };
        let old = kept.map_or_else(String::new, |kept| format!(" It is in {}.", kept.display()));
        context.note(&format!(
            "{servers}. Backups that were made before need the key before: keep it as long as you keep them.{old}"
        ))?;
        Ok(Exit::Done)
    }
}

fn tell(context: &mut Context, changed: &[Changed]) -> Result<()> {
    let rows: Vec<_> = changed
        .iter()
        .map(|one| json!({"environment": one.environment, "changed": one.secrets.is_some(), "secrets": one.secrets}))
        .collect();
    context.show(&json!({ "environments": rows }), |out| {
        for Changed { environment, secrets } in changed {
            match secrets {
                Some(secrets) => writeln!(out, "{environment}: sealed anew, {secrets} secrets among it")?,
                None => writeln!(out, "{environment}: has the new key already")?,
            }
        }
        Ok(())
    })
}
