use axum::{Json, extract::Path};
use serde_json::Value;

use super::whole;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        paths::OfId,
    },
};

/// Shows the report of a rehearsal that was done here
///
/// As it was answered then; what it said of members who have been erased since is gone from it (`erased`).
#[utoipa::path(
    get, path = "/environments/{environment}/rehearsals/{id}", operation_id = "showRehearsal", tag = "rehearsals",
    params(OfId),
    responses((status = 200, body = Object, description = "The report, `format_version` 1."))
)]
pub(crate) async fn show(access: Access<Read>, Path(of): Path<OfId>) -> Result<Json<Value>, Problem> {
    let (row, report) = access.environment.rehearsal(&of.id).await?;
    whole(row, report).map(Json)
}
