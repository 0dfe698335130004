use axum::{Json, extract::Path};

use super::{QuarantinedForm, id};
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        paths::OfId,
    },
};

/// Shows an event in quarantine as it came
#[utoipa::path(
    get, path = "/environments/{environment}/quarantine/{id}", operation_id = "showQuarantined", tag = "quarantine",
    params(OfId),
    responses((status = 200, body = QuarantinedForm))
)]
pub(crate) async fn show(
    access: Access<Read>,
    Path(of): Path<OfId>,
) -> Result<Json<QuarantinedForm>, Problem> {
    let message = id("id", &of.id)?;
    QuarantinedForm::of_id(&access.environment, of.id, message).await.map(Json)
}
