use axum::{Extension, Json};
use runtime::work::{Progress, Task};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Operate},
        paths::InEnvironment,
    },
    request_id::RequestId,
};

/// What a rebuild made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RebuiltForm {
    /// Records read.
    #[schema(example = 69659)]
    records: u64,
    /// Profiles made.
    #[schema(example = 23570)]
    profiles: u64,
}

/// Makes every view again from the journal
///
/// Nothing is decided and nothing is sent. Readers see the old views until it is done. `listWork`
/// tells how far it is; cancelled, or when the connection is closed, it leaves the old views.
#[utoipa::path(
    post, path = "/environments/{environment}/rebuild", operation_id = "rebuild", tag = "keeping",
    params(InEnvironment),
    responses((status = 200, body = RebuiltForm))
)]
pub(crate) async fn rebuild(
    access: Access<Operate>,
    Extension(id): Extension<RequestId>,
) -> Result<Json<RebuiltForm>, Problem> {
    let (environment, progress) = (&access.environment, Progress::default());
    let doing = environment.rebuild(&progress);
    let rebuilt = environment.listed(Task::Rebuild, id.as_str(), access.actor(), &progress, doing).await?;
    Ok(Json(RebuiltForm { records: rebuilt.records, profiles: rebuilt.profiles }))
}
