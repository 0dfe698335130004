//! Accepts connections within bounds, and lets those in flight finish when it ends.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::{Limits, ListenerConfig};

/// A longer request line and header is refused (431).
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// After the system refused a connection (too many open files), we wait before asking again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener that has its address and does not answer yet.
#[derive(Debug)]
pub struct Listener {
    config: ListenerConfig,
    socket: TcpListener,
}

impl Listener {
    /// Takes the address.
    pub async fn bind(config: ListenerConfig) -> io::Result<Self> {
        let socket = TcpListener::bind(config.address).await?;
        Ok(Self { config, socket })
    }

    /// The address; with port 0 asked for, the port that was given.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What it was told.
    pub fn config(&self) -> &ListenerConfig {
        &self.config
    }
}

/// Answers until `end` says so (or its sender is gone); then takes no new connection, lets requests in
/// flight be answered for as long as the drain time-out, and returns.
pub async fn serve(listener: Listener, app: Router, mut end: watch::Receiver<bool>) {
    let Listener { config, socket } = listener;
    let places = Arc::new(Semaphore::new(config.limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = ended(&mut end) => break,
        };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = ended(&mut end) => break,
        };
        match (accepted, place) {
            (Ok((stream, _)), Ok(place)) => {
                let (app, end) = (app.clone(), end.clone());
                connections.spawn(async move {
                    connection(stream, app, config.limits, end).await;
                    drop(place);
                });
            }
            (Err(error), _) => {
                tracing::warn!(%error, address = %config.address, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (_, Err(_)) => break,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(socket);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(config.limits.drain_timeout, drained).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were cut: they were not done in time");
    }
}

async fn connection(stream: TcpStream, app: Router, limits: Limits, mut end: watch::Receiver<bool>) {
    // Answers are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = ended(&mut end) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn ended(end: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: nobody can say it any more.
    let _ = end.wait_for(|end| *end).await;
}
