use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{folder, is_plain};
use crate::{
    Code, Here, Problem,
    admin::{access::Administrator, environments::EnvironmentForm, input::Input, paths::InEnvironment},
};

/// Which backup.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    /// Its name in the folder of backups.
    #[schema(example = "live-20240501T100000Z.greenroom")]
    name: String,
}

/// Puts a backup in the environment's place
///
/// What came in since the backup is gone from it. People erased meanwhile are erased again before it serves.
/// Deliveries start paused. Requests meanwhile get 503 and are sent again by their clients.
#[utoipa::path(
    post, path = "/environments/{environment}/restore", operation_id = "restore", tag = "keeping",
    params(InEnvironment), request_body = Restore,
    responses((status = 200, body = EnvironmentForm))
)]
pub(crate) async fn restore(
    Administrator(actor): Administrator,
    Path(environment): Path<String>,
    here: State<Here>,
    Input(restore): Input<Restore>,
) -> Result<Json<EnvironmentForm>, Problem> {
    if !is_plain(&restore.name) {
        return Err(Problem::new(Code::BadParameter, "A field is wrong.")
            .at("/name", "must be the name of a file in the folder of backups, not a path"));
    }
    let path = folder(&here)?.join(&restore.name);
    if !path.exists() {
        return Err(Problem::new(Code::NotFound, format!("There is no backup `{}`.", restore.name)));
    }
    let restored = here.greenroom.restore_environment(&environment, &path, actor).await?;
    Ok(Json(EnvironmentForm::of(&restored)))
}
