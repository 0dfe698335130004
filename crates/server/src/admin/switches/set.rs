use axum::{Json, extract::Path, http::HeaderMap};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Configure},
        constants::Changed,
        etag,
        input::{Input, key},
        paths::OfKey,
    },
};

/// On or off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switched {
    /// Whether the reactor fires in this environment.
    on: bool,
}

/// Switches a reactor on or off
///
/// In this environment only: a switch is not configuration and is not promoted.
#[utoipa::path(
    put, path = "/environments/{environment}/switches/{key}", operation_id = "setSwitch", tag = "bindings",
    params(OfKey, ("If-Match" = String, Header, description = "The `ETag` of the switches that were read.")),
    request_body = Switched,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn set(
    access: Access<Configure>,
    Path(of): Path<OfKey>,
    headers: HeaderMap,
    Input(switched): Input<Switched>,
) -> Result<Json<Changed>, Problem> {
    let key = key(&of.key)?;
    let seen = etag::check(&headers, &access.environment)?;
    let epoch = access.environment.switch_reactor(access.actor(), key, switched.on, seen).await?;
    Ok(Json(Changed { epoch }))
}
