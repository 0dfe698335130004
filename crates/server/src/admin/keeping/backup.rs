use axum::{Extension, Json, extract::State, http::StatusCode};
use runtime::work::{Progress, Task};
use serde::Serialize;
use utoipa::ToSchema;

use super::folder;
use crate::{
    Here, Problem,
    admin::{
        access::{Access, Operate},
        paths::InEnvironment,
    },
    request_id::RequestId,
};

/// A backup that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackupForm {
    /// Its name in the folder of backups; what `restore` takes.
    #[schema(example = "live-20240501T100000Z.greenroom")]
    name: String,
    /// Where it is on the server.
    #[schema(example = "/var/lib/greenroom/backups/live-20240501T100000Z.greenroom")]
    path: String,
}

/// Backs the environment up, while it serves
///
/// A consistent copy, in the folder of backups that the server is configured with. It holds members' data and
/// sealed secrets: keep it as safe as the server, and the master key apart from it. `listWork` tells how far it is. It ends
/// when the connection is closed, and one that does not come to its end leaves nothing in the folder.
#[utoipa::path(
    post, path = "/environments/{environment}/backup", operation_id = "backup", tag = "keeping",
    params(InEnvironment),
    responses((status = 201, body = BackupForm))
)]
pub(crate) async fn backup(
    access: Access<Operate>,
    here: State<Here>,
    Extension(id): Extension<RequestId>,
) -> Result<(StatusCode, Json<BackupForm>), Problem> {
    let folder = folder(&here)?;
    let environment = &access.environment;
    let stamp = environment.machine_now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = format!("{}-{stamp}.greenroom", environment.name());
    let path = folder.join(&name);
    std::fs::create_dir_all(&folder).map_err(|error| Problem::internal(&error))?;
    let progress = Progress::default();
    let doing = environment.backup(&path, &progress);
    environment.listed(Task::Backup, id.as_str(), access.actor(), &progress, doing).await?;
    Ok((StatusCode::CREATED, Json(BackupForm { name, path: path.display().to_string() })))
}
