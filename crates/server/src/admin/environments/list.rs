use axum::{Json, extract::State};
use runtime::Principal;

use super::EnvironmentForm;
use crate::{
    Here, Problem,
    admin::{
        access::Anyone,
        input::Asked,
        page::{Listed, Paging},
    },
};

/// Lists environments
///
/// An administrator sees every environment that is served at this address, a secret key its own.
#[utoipa::path(
    get, path = "/environments", operation_id = "listEnvironments", tag = "environments",
    params(Paging),
    responses((status = 200, body = Listed<EnvironmentForm>))
)]
pub(crate) async fn list(
    Anyone(principal): Anyone,
    here: State<Here>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<EnvironmentForm>>, Problem> {
    let mut environments = match principal {
        Principal::Administrator { .. } => here.greenroom.environments(),
        Principal::Key { environment, .. } => vec![environment],
    };
    environments
        .retain(|environment| here.listener.environments.serve(environment.name(), environment.is_live()));
    paging.part(environments, |environment| EnvironmentForm::of(&environment)).map(Json)
}
