//! A server that runs: opened, listening, and ended in order. `serve` and `demo` begin here.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use runtime::{Greenroom, clock::SystemClock};
use server::{Here, Listener, ListenerConfig, Traffic};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

use super::folder;
use crate::{
    client::{SERVING_FILE, Serving, ServingListener},
    config::ServerConfig,
    store::{self, Hold},
};

/// A running server. Dropped without [`Running::stop`], it ends as after a crash, which loses nothing.
pub(crate) struct Running {
    greenroom: Arc<Greenroom>,
    data: PathBuf,
    _hold: Option<Hold>,
    serving: Serving,
    /// Where the first administrator's token was written, at the first start.
    token_file: Option<PathBuf>,
    end: watch::Sender<bool>,
    /// How long to go on serving after saying that it will stop.
    drain: Duration,
    listeners: JoinSet<()>,
}

/// Opens a data folder and listens. When this returns, requests are answered and `serving.json` says where.
pub(crate) async fn start(data: &Path, config: ServerConfig) -> Result<Running> {
    // Whatever this process makes (backups, logs of the store) is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    folder::make(data)?;
    let hold = store::hold(data, &config.store)?;
    let backend = store::open(data, config.store).await?;
    let in_use = !backend.environments().await.context("looking for environments")?.is_empty();
    let master_key = folder::master_key(data, in_use)?;
    let greenroom = Greenroom::open(backend, master_key, Arc::new(SystemClock), config.options)
        .await
        .with_context(|| format!("opening the environments in {}", data.display()))?;
    let token_file = folder::first_administrator(&greenroom, data).await?;

    let mut bound = Vec::new();
    for listener in config.listeners {
        let address = listener.address;
        let listener = Listener::bind(listener).await.with_context(|| {
            format!("listening on {address}; is another server there? Choose another with --listen")
        })?;
        bound.push(listener);
    }
    let listeners = bound.iter().map(told).collect::<Result<_>>()?;
    let (end, ends) = watch::channel(false);
    let traffic = Arc::new(Traffic::default());
    let backups = config.backups.unwrap_or_else(|| data.join("backups"));
    let mut tasks = JoinSet::new();
    for listener in bound {
        let here =
            Here::new(Arc::clone(&greenroom), listener.config().clone(), Arc::clone(&traffic), ends.clone())
                .with_backups(backups.clone());
        tasks.spawn(server::serve(listener, server::app(here), ends.clone()));
    }
    let serving = Serving::of(listeners);
    serving.write(data)?;
    Ok(Running {
        greenroom,
        data: data.to_owned(),
        _hold: hold,
        serving,
        token_file,
        end,
        drain: config.drain,
        listeners: tasks,
    })
}

/// What a listener serves, in words.
pub(crate) fn serves(config: &ListenerConfig) -> Vec<String> {
    [("collector", config.serves.collector), ("admin", config.serves.admin)]
        .into_iter()
        .filter(|(_, served)| *served)
        .map(|(word, _)| word.to_owned())
        .collect()
}

fn told(listener: &Listener) -> Result<ServingListener> {
    let config = listener.config();
    Ok(ServingListener {
        address: listener.address()?,
        serves: serves(config),
        environments: config.environments.to_string(),
    })
}

impl Running {
    /// Logs where it listens, and at the first start where the administrator's token is.
    pub(crate) fn tell(&self) {
        for listener in &self.serving.listeners {
            tracing::info!(
                address = %listener.address,
                serves = listener.serves.join(" and "),
                environments = listener.environments,
                "listening"
            );
        }
        if let Some(file) = &self.token_file {
            tracing::info!(file = %file.display(), "made the first administrator; the token is in this file");
        }
    }

    /// Serves until SIGTERM or Ctrl-C, then stops: after the time that load balancers need to hear of it, or at
    /// once when told again.
    pub(crate) async fn until_told(self) -> Result<()> {
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if !self.drain.is_zero() {
            self.greenroom.leave();
            tracing::info!(seconds = self.drain.as_secs(), "not ready any more; requests are still answered");
            tokio::select! {
                () = tokio::time::sleep(self.drain) => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        tracing::info!("stopping: requests in flight are answered first");
        self.stop().await?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Takes nothing more in, answers what is in flight, and lets go of the folder.
    pub(crate) async fn stop(mut self) -> Result<()> {
        // First, so that nobody is sent here any more. A leftover is harmless.
        let _ = fs::remove_file(self.data.join(SERVING_FILE));
        // No receiver is left when every listener has ended by itself.
        let _ = self.end.send(true);
        while let Some(ended) = self.listeners.join_next().await {
            ended.context("a listener failed")?;
        }
        self.greenroom.stop().await.context("stopping the environments")
    }
}
