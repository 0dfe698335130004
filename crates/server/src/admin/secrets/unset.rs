use axum::{Json, extract::Path};

use crate::{
    Problem,
    admin::{
        access::{Access, Configure},
        constants::Changed,
        input::key,
        paths::OfKey,
    },
};

/// Forgets a secret
///
/// Refused while the program declares it.
#[utoipa::path(
    delete, path = "/environments/{environment}/secrets/{key}", operation_id = "unsetSecret", tag = "bindings",
    params(OfKey),
    responses((status = 200, body = Changed))
)]
pub(crate) async fn unset(
    access: Access<Configure>,
    Path(of): Path<OfKey>,
) -> Result<Json<Changed>, Problem> {
    let key = key(&of.key)?;
    let epoch = access.environment.set_secret(access.actor(), key, None).await?;
    Ok(Json(Changed { epoch }))
}
