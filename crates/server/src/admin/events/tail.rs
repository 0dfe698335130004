use std::time::Duration;

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use runtime::live::LogLine;
use tokio::sync::{broadcast, watch};

use crate::{
    Here, Problem,
    admin::{
        access::{Access, Read},
        paths::InEnvironment,
    },
};

/// A comment is sent this often, so that a connection that died is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The live log
///
/// Server-sent events, from now on: `event: line` with one decision or quarantined event as JSON in `data`;
/// `event: missed` with a number when the reader was too slow. Ends when the server stops.
///
/// With several nodes, what the others decide follows within a second, as far as it is recorded: without duplicates,
/// released events that still do not fit, and `warnings`.
#[utoipa::path(
    get, path = "/environments/{environment}/tail", operation_id = "tail", tag = "events",
    params(InEnvironment),
    responses((status = 200, content_type = "text/event-stream", body = String))
)]
pub(crate) async fn tail(access: Access<Read>, here: State<Here>) -> Result<Response, Problem> {
    let listening = (access.environment.tail().await?, here.end.clone());
    let lines = stream::unfold(listening, |(mut lines, mut end)| async move {
        let event = next(&mut lines, &mut end).await?;
        Some((Ok::<_, std::convert::Infallible>(event), (lines, end)))
    });
    Ok(Sse::new(lines).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

async fn next(lines: &mut broadcast::Receiver<LogLine>, end: &mut watch::Receiver<bool>) -> Option<Event> {
    let line = tokio::select! {
        line = lines.recv() => line,
        _ = end.wait_for(|end| *end) => return None,
    };
    match line {
        Ok(line) => Event::default().event("line").json_data(&line).ok(),
        Err(broadcast::error::RecvError::Lagged(missed)) => {
            Some(Event::default().event("missed").data(missed.to_string()))
        }
        Err(broadcast::error::RecvError::Closed) => None,
    }
}
