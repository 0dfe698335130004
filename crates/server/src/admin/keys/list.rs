use axum::Json;

use super::KeyForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Lists keys, newest first
#[utoipa::path(
    get, path = "/environments/{environment}/keys", operation_id = "listKeys", tag = "keys",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<KeyForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<KeyForm>>, Problem> {
    paging.part(access.environment.keys(), KeyForm::of).map(Json)
}
