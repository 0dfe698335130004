//! The collector: the Segment tracking protocol over HTTP, so that its client libraries work unmodified.
//!
//! What they were seen to do decides the odd parts: the content type is ignored (JSON comes labelled as
//! text or as a form), every path also has a form with a slash at the end, nothing is ever redirected, the
//! answer is exactly 200, and nothing is ever answered with 410.

mod cors;
pub(crate) mod ingest;
pub(crate) mod report;
mod settings;
pub(crate) mod wire;

use axum::{
    Router, middleware,
    routing::{MethodRouter, get, post},
};
use engine::MessageKind;
use wire::Call;

use crate::Here;

/// Every path of the protocol and what it takes. The letters are what browsers are sent to.
const PATHS: [(&str, Call); 16] = [
    ("batch", Call::Batch),
    ("b", Call::Batch),
    ("import", Call::Import),
    ("track", Call::One(MessageKind::Track)),
    ("t", Call::One(MessageKind::Track)),
    ("identify", Call::One(MessageKind::Identify)),
    ("i", Call::One(MessageKind::Identify)),
    ("page", Call::One(MessageKind::Page)),
    ("p", Call::One(MessageKind::Page)),
    ("screen", Call::One(MessageKind::Screen)),
    ("s", Call::One(MessageKind::Screen)),
    ("group", Call::One(MessageKind::Group)),
    ("g", Call::One(MessageKind::Group)),
    ("alias", Call::One(MessageKind::Alias)),
    ("a", Call::One(MessageKind::Alias)),
    // Only browsers, about themselves; taken and forgotten.
    ("m", Call::Forget),
];

/// The collector's routes.
pub(crate) fn routes() -> Router<Here> {
    let mut router = Router::new();
    for (path, call) in PATHS {
        let takes = || -> MethodRouter<Here> {
            post(move |here, request| ingest::take(call, here, request)).options(preflight)
        };
        router = router.route(&format!("/v1/{path}"), takes()).route(&format!("/v1/{path}/"), takes());
    }
    router
        .route("/v1/projects/{write_key}/settings", get(settings::show).options(preflight))
        .layer(middleware::from_fn(cors::open))
}

async fn preflight() -> axum::response::Response {
    cors::preflight()
}
