use axum::{Json, extract::Path, http::HeaderMap};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Changed;
use crate::{
    Problem,
    admin::{
        access::{Access, Configure},
        etag,
        input::{Input, key},
        paths::OfKey,
    },
};

/// A value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bound {
    /// Of the type that the program declares.
    #[schema(value_type = Object, example = json!(2))]
    value: Value,
}

/// Binds a constant
#[utoipa::path(
    put, path = "/environments/{environment}/constants/{key}", operation_id = "setConstant", tag = "bindings",
    params(OfKey, ("If-Match" = String, Header, description = "The `ETag` of the constants that were read.")),
    request_body = Bound,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn set(
    access: Access<Configure>,
    Path(of): Path<OfKey>,
    headers: HeaderMap,
    Input(bound): Input<Bound>,
) -> Result<Json<Changed>, Problem> {
    let key = key(&of.key)?;
    let seen = etag::check(&headers, &access.environment)?;
    let epoch = access.environment.set_constant(access.actor(), key, Some(bound.value), seen).await?;
    Ok(Json(Changed { epoch }))
}
