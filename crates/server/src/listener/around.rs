//! What goes around every request: its id, its log line, a place for panics, and the body of problems.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    problem::{Code, Problem, write},
    request_id::{self, RequestId},
};

/// In an answer's extensions: the environment that the request was about, for the log.
#[derive(Clone, Debug)]
pub(crate) struct Environment(pub(crate) Arc<str>);

/// Goes around every request. The log line has no path, no query and no address: they can hold personal
/// data. It has the path's template.
pub(crate) async fn around(mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id.clone());

    let response = caught(next.run(request)).await.unwrap_or_else(|| {
        Problem::new(Code::Internal, "This is our fault: a panic. The log has more, under the request id.")
            .into_response()
    });
    let mut response = write(response, &id);
    response.headers_mut().insert(request_id::HEADER, id.value());

    let path = path.as_ref().map_or("-", MatchedPath::as_str);
    let environment = response.extensions().get::<Environment>().map(|environment| &*environment.0);
    let status = response.status();
    let ms = begun.elapsed().as_millis();
    let id = id.as_str();
    if status.is_server_error() {
        tracing::error!(target: "access", %method, path, status = status.as_u16(), ms, environment, id);
    } else if status.is_success() && path.starts_with("/v1/") {
        // Thousands a second: only for those who ask for it.
        tracing::debug!(target: "access", %method, path, status = status.as_u16(), ms, environment, id);
    } else {
        tracing::info!(target: "access", %method, path, status = status.as_u16(), ms, environment, id);
    }
    response
}

/// `None` when it panicked.
async fn caught(future: impl Future<Output = Response>) -> Option<Response> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        let poll = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match poll {
            Ok(std::task::Poll::Ready(response)) => std::task::Poll::Ready(Some(response)),
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            // The future is not polled again.
            Err(_) => std::task::Poll::Ready(None),
        }
    })
    .await
}
