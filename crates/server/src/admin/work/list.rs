use axum::Json;

use super::WorkForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Lists long work that is under way, oldest first
///
/// Rehearsals, verifications, rebuilds, backups. Where several nodes serve the environment, those of the node that answers.
/// What recomputation after a promotion has still to do, `showEnvironment` tells.
#[utoipa::path(
    get, path = "/environments/{environment}/work", operation_id = "listWork", tag = "work",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<WorkForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<WorkForm>>, Problem> {
    paging.part(access.environment.under_way(), WorkForm::of).map(Json)
}
