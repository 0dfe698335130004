use axum::{Json, extract::Path};

use super::WorkForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Operate},
        paths::OfId,
    },
};

/// Cancels long work
///
/// It ends within a page of records and leaves nothing half done; the request that asked for it is answered with
/// `cancelled`. Work ends by itself when the connection of that request is closed.
#[utoipa::path(
    delete, path = "/environments/{environment}/work/{id}", operation_id = "cancelWork", tag = "work",
    params(OfId),
    responses((status = 200, body = WorkForm, description = "How far it was."))
)]
pub(crate) async fn cancel(access: Access<Operate>, Path(of): Path<OfId>) -> Result<Json<WorkForm>, Problem> {
    Ok(Json(WorkForm::of(access.environment.cancel(&of.id)?)))
}
