use axum::Json;

use super::RehearsalForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Lists the rehearsals that were done here, newest first
///
/// The newest 100 are kept.
#[utoipa::path(
    get, path = "/environments/{environment}/rehearsals", operation_id = "listRehearsals", tag = "rehearsals",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<RehearsalForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<RehearsalForm>>, Problem> {
    let page = access.environment.store().rehearsals(paging.after(), paging.limit()?).await?;
    Ok(Json(Listed::of(page, RehearsalForm::of)))
}
