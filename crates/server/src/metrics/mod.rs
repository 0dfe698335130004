//! `/metrics`: numbers in the `OpenMetrics` text format. Labels name environments and types, never a person.

mod text;
mod traffic;

use std::fmt::Write as _;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use runtime::{Environment, Principal};
use text::Metrics;
pub use traffic::Traffic;

use crate::{Here, credential, problem::Problem};

pub(crate) fn routes() -> Router<Here> {
    Router::new().route("/metrics", get(show))
}

/// Needs a credential, as the admin API does: an administrator sees every environment served here, a
/// secret key its own.
async fn show(State(here): State<Here>, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = credential::required(&here, &headers)?;
    let environments = match &principal {
        Principal::Administrator { .. } => here.greenroom.environments(),
        Principal::Key { environment, row } => {
            credential::scope(row, "read")?;
            vec![environment.clone()]
        }
    };
    let mut metrics = Metrics::default();
    metrics.gauge("greenroom_build", "What is running.").sample(
        "_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1,
    );
    for environment in environments {
        if here.listener.environments.serve(environment.name(), environment.is_live()) {
            of(&environment, &here.traffic, &mut metrics).await?;
        }
    }
    let mut body = String::new();
    let _ = write!(body, "{metrics}");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

async fn of(environment: &Environment, traffic: &Traffic, metrics: &mut Metrics) -> Result<(), Problem> {
    let name = environment.name();
    let here = [("environment", name)];
    let events =
        metrics.counter("greenroom_events_ingested", "Events taken in, by type and what became of them.");
    for ((kind, outcome), count) in environment.live().counts() {
        events.sample("_total", &[("environment", name), ("type", &kind), ("outcome", outcome)], count);
    }
    traffic.write(name, metrics);
    metrics.counter("greenroom_batches_committed", "Commits that made events durable.").sample(
        "_total",
        &here,
        environment.live().batches.load(std::sync::atomic::Ordering::Relaxed),
    );
    metrics.gauge("greenroom_queue_depth", "Events that wait to be decided.").sample(
        "",
        &here,
        environment.waiting(),
    );
    metrics.gauge("greenroom_quarantine", "Events that stand in quarantine.").sample(
        "",
        &here,
        environment.store().quarantine_count().await?,
    );
    metrics.gauge("greenroom_nodes", "Processes that serve the environment.").sample(
        "",
        &here,
        environment.nodes().await?.len(),
    );
    metrics.gauge("greenroom_profiles_behind", "Profiles that are still under an older program.").sample(
        "",
        &here,
        environment.live().sweep_left.load(std::sync::atomic::Ordering::Relaxed),
    );
    metrics.gauge("greenroom_epoch", "The position of the control stream.").sample(
        "",
        &here,
        environment.state().epoch,
    );
    metrics.gauge("greenroom_store_bytes", "Bytes on disk, all in.").sample(
        "",
        &here,
        environment.store().bytes().await?,
    );
    Ok(())
}
