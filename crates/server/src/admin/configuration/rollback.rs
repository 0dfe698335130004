use axum::{Json, http::HeaderMap};
use program::RevisionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Promote},
        etag,
        input::{Input, read},
        paths::InEnvironment,
    },
};

/// Where to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    /// A revision of this environment.
    to: String,
    /// Why.
    #[schema(example = "the bonus fired twice")]
    message: Option<String>,
}

/// Where the head is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolledBack {
    /// A new revision that says what the old one said.
    revision: String,
    /// The position in the control stream from which it holds.
    #[schema(example = 14)]
    epoch: u64,
}

/// Goes back to an earlier revision
///
/// A new revision equal to the old one. What was decided meanwhile stays decided.
#[utoipa::path(
    post, path = "/environments/{environment}/rollback", operation_id = "rollback", tag = "configuration",
    params(InEnvironment, ("If-Match" = String, Header, description = "The `ETag` of the configuration that was looked at.")),
    request_body = Rollback,
    responses((status = 200, body = RolledBack))
)]
pub(crate) async fn rollback(
    access: Access<Promote>,
    headers: HeaderMap,
    Input(request): Input<Rollback>,
) -> Result<Json<RolledBack>, Problem> {
    let to: RevisionId = read("to", &request.to)?;
    let seen = etag::check(&headers, &access.environment)?;
    let (revision, epoch) = access.environment.rollback(to, access.actor(), request.message, seen).await?;
    Ok(Json(RolledBack { revision: revision.to_string(), epoch }))
}
