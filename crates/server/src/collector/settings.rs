//! What a browser's library asks before it sends: where to, and what else is switched on (nothing).

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::ingest::way_in;
use crate::{Here, problem::Problem};

/// `GET /v1/projects/{write_key}/settings`
pub(super) async fn show(
    State(here): State<Here>,
    Path(write_key): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    way_in(&here, &write_key)?;
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let (protocol, host) = reached(here.listener.public_url.as_deref(), asked);
    Ok(Json(json!({
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": format!("{host}/v1"),
                "protocol": protocol,
                "deliveryStrategy": { "strategy": "standard", "config": {} },
            },
        },
        "plan": { "track": { "__default": { "enabled": true, "integrations": {} } }, "identify": { "__default": { "enabled": true } }, "group": { "__default": { "enabled": true } } },
        "edgeFunction": {},
        "analyticsNextEnabled": true,
        // The library would send numbers about itself.
        "metrics": { "sampleRate": 0 },
        "remotePlugins": [],
        "middlewareSettings": {},
        "enabledMiddleware": {},
    }))
    .into_response())
}

/// The protocol and host by which the client reaches us: as configured, or as it asked.
fn reached<'a>(public_url: Option<&'a str>, asked: Option<&'a str>) -> (&'a str, &'a str) {
    let (protocol, rest) =
        public_url.and_then(|url| url.split_once("://")).unwrap_or(("http", asked.unwrap_or("localhost")));
    (protocol, rest.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_sent_where_they_reach_us() {
        for (public, asked, expected) in [
            (None, Some("127.0.0.1:8080"), ("http", "127.0.0.1:8080")),
            (Some("https://e.example.com"), Some("10.0.0.7"), ("https", "e.example.com")),
            (Some("https://example.com/events/"), None, ("https", "example.com/events")),
        ] {
            assert_eq!(reached(public, asked), expected);
        }
    }
}
