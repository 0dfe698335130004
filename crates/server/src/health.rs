//! Whether the process lives, and whether its environments can take events.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;

use crate::Here;

/// A store that takes longer to answer is busy with something that keeps events waiting, or cannot be reached.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn routes() -> Router<Here> {
    Router::new().route("/livez", get(livez)).route("/readyz", get(readyz))
}

/// The process answers; nothing else is looked at.
async fn livez() -> Response {
    Json(Health { status: "ok", environments: None }).into_response()
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    /// Left out where the world may look: names of environments are nobody's business there.
    #[serde(skip_serializing_if = "Option::is_none")]
    environments: Option<Vec<EnvironmentState>>,
}

#[derive(Serialize)]
struct EnvironmentState {
    name: String,
    kind: &'static str,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Whether events can be taken: 503 when the store of a live environment that is served here cannot be written, or of
/// none at all, and from the moment the server is told to stop. A test environment that fails takes nobody away from
/// live: it is only told.
async fn readyz(State(here): State<Here>) -> Response {
    if here.greenroom.is_leaving() {
        let health = Health { status: "stopping", environments: None };
        return (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response();
    }
    let mut states = Vec::new();
    let (open, unopened) = here.greenroom.registered();
    for environment in open {
        if !here.listener.environments.serve(environment.name(), environment.is_live()) {
            continue;
        }
        let why = match tokio::time::timeout(PATIENCE, environment.store().writable()).await {
            Ok(answer) => answer.err().map(|error| error.to_string()),
            Err(_) => Some(format!("its store has not answered for {} seconds", PATIENCE.as_secs())),
        };
        states.push(EnvironmentState {
            name: environment.name().to_owned(),
            kind: environment.kind(),
            ready: why.is_none(),
            why,
        });
    }
    for one in unopened {
        if here.listener.environments.serve(&one.name, one.live) {
            let kind = if one.live { "live" } else { "test" };
            let why = Some(format!("it does not open: {}", one.why));
            states.push(EnvironmentState { name: one.name, kind, ready: false, why });
        }
    }
    let ready = states.iter().all(|state| state.ready || state.kind != "live")
        && (states.is_empty() || states.iter().any(|state| state.ready));
    let whole = states.iter().all(|state| state.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let health = Health {
        status: match (ready, whole) {
            (true, true) => "ok",
            (true, false) => "partly ready",
            (false, _) => "not ready",
        },
        environments: here.listener.serves.admin.then_some(states),
    };
    (status, Json(health)).into_response()
}
