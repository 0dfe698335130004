use axum::{
    Json,
    extract::{Path, State},
};

use super::AdministratorForm;
use crate::{Here, Problem, admin::access::Administrator};

/// Revokes an administrator
///
/// Requests with the token are refused from now on; on other nodes within two seconds. The last one cannot be
/// revoked. Revoking again changes nothing.
#[utoipa::path(
    delete, path = "/administrators/{id}", operation_id = "revokeAdministrator", tag = "administrators",
    params(("id" = String, Path, description = "The administrator", example = "admin_8f14e45fceea167a")),
    responses((status = 200, body = AdministratorForm))
)]
pub(crate) async fn revoke(
    Administrator(actor): Administrator,
    Path(id): Path<String>,
    here: State<Here>,
) -> Result<Json<AdministratorForm>, Problem> {
    let row = here.greenroom.revoke_administrator(&id).await?;
    tracing::info!(administrator = row.id, by = actor.id, "revoked an administrator");
    Ok(Json(AdministratorForm::of(row)))
}
