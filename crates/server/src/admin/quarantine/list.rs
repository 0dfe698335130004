use axum::Json;

use super::QuarantinedForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Lists what stands in quarantine, newest first
#[utoipa::path(
    get, path = "/environments/{environment}/quarantine", operation_id = "listQuarantine", tag = "quarantine",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<QuarantinedForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<QuarantinedForm>>, Problem> {
    let page = access.environment.store().quarantine(paging.after(), paging.limit()?).await?;
    Listed::try_of(page, QuarantinedForm::of).map(Json)
}
