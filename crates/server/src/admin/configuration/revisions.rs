use axum::Json;

use super::RevisionForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Lists revisions, newest first
#[utoipa::path(
    get, path = "/environments/{environment}/revisions", operation_id = "listRevisions", tag = "configuration",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<RevisionForm>))
)]
pub(crate) async fn revisions(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<RevisionForm>>, Problem> {
    let page = access.environment.store().revisions(paging.after(), paging.limit()?).await?;
    let head = access.environment.state().head;
    Listed::try_of(page, |row| RevisionForm::of(&row, head)).map(Json)
}
