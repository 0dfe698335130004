use axum::{Json, extract::Path, http::HeaderMap};

use super::Changed;
use crate::{
    Problem,
    admin::{
        access::{Access, Configure},
        etag,
        input::key,
        paths::OfKey,
    },
};

/// Unbinds a constant: its default holds again
#[utoipa::path(
    delete, path = "/environments/{environment}/constants/{key}", operation_id = "unsetConstant", tag = "bindings",
    params(OfKey, ("If-Match" = String, Header, description = "The `ETag` of the constants that were read.")),
    responses((status = 200, body = Changed))
)]
pub(crate) async fn unset(
    access: Access<Configure>,
    Path(of): Path<OfKey>,
    headers: HeaderMap,
) -> Result<Json<Changed>, Problem> {
    let key = key(&of.key)?;
    let seen = etag::check(&headers, &access.environment)?;
    let epoch = access.environment.set_constant(access.actor(), key, None, seen).await?;
    Ok(Json(Changed { epoch }))
}
