use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Operate},
        paths::InEnvironment,
    },
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
/// Nothing is decided and nothing is sent. Readers see the old views until it is done.
#[utoipa::path(
    post, path = "/environments/{environment}/rebuild", operation_id = "rebuild", tag = "keeping",
    params(InEnvironment),
    responses((status = 200, body = RebuiltForm))
)]
pub(crate) async fn rebuild(access: Access<Operate>) -> Result<Json<RebuiltForm>, Problem> {
    let rebuilt = access.environment.rebuild().await?;
    Ok(Json(RebuiltForm { records: rebuilt.records, profiles: rebuilt.profiles }))
}
