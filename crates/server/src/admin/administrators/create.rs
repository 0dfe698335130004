use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AdministratorForm;
use crate::{
    Here, Problem,
    admin::{
        access::Administrator,
        input::{Input, said},
    },
};

/// An administrator to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdministratorRequest {
    /// Who it is.
    #[schema(example = "Ada")]
    name: String,
}

/// An administrator that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedAdministrator {
    /// Who.
    administrator: AdministratorForm,
    /// The token. It is shown this once; only a hash is kept.
    #[schema(example = "at_0123456789abcdefghijklmnopqrst")]
    token: String,
}

/// Makes an administrator
///
/// Who may do everything in every environment. Give each person a token of their own: what they do is recorded
/// under their name.
#[utoipa::path(
    post, path = "/administrators", operation_id = "createAdministrator", tag = "administrators",
    request_body = AdministratorRequest,
    responses((status = 201, body = CreatedAdministrator))
)]
pub(crate) async fn create(
    Administrator(actor): Administrator,
    here: State<Here>,
    Input(request): Input<AdministratorRequest>,
) -> Result<(StatusCode, Json<CreatedAdministrator>), Problem> {
    let name = said("/name", &request.name)?;
    let (row, token) = here.greenroom.make_administrator(&name).await?;
    tracing::info!(administrator = row.id, by = actor.id, "made an administrator");
    Ok((StatusCode::CREATED, Json(CreatedAdministrator { administrator: AdministratorForm::of(row), token })))
}
