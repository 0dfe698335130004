use axum::{Json, extract::State};

use super::AdministratorForm;
use crate::{
    Here, Problem,
    admin::{
        access::Administrator,
        input::Asked,
        page::{Listed, Paging},
    },
};

/// Lists administrators, newest first
#[utoipa::path(
    get, path = "/administrators", operation_id = "listAdministrators", tag = "administrators",
    params(Paging),
    responses((status = 200, body = Listed<AdministratorForm>))
)]
pub(crate) async fn list(
    _: Administrator,
    here: State<Here>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<AdministratorForm>>, Problem> {
    let mut rows = here.greenroom.administrators();
    rows.sort_by(|a, b| (b.made_at, &b.id).cmp(&(a.made_at, &a.id)));
    paging.part(rows, AdministratorForm::of).map(Json)
}
