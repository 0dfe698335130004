use axum::{Json, extract::Path};

use super::KeyForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Operate},
        paths::OfId,
    },
};

/// Revokes a key
///
/// Requests with it are refused from now on. Revoking it again changes nothing.
#[utoipa::path(
    delete, path = "/environments/{environment}/keys/{id}", operation_id = "revokeKey", tag = "keys",
    params(OfId),
    responses((status = 200, body = KeyForm))
)]
pub(crate) async fn revoke(access: Access<Operate>, Path(of): Path<OfId>) -> Result<Json<KeyForm>, Problem> {
    let row = access.environment.revoke_key(access.actor(), &of.id).await?;
    Ok(Json(KeyForm::of(row)))
}
