use axum::{Json, extract::State, http::HeaderMap};
use runtime::configuration::{ApplyRequest, PlanSource};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::source::{Chosen, From, source};
use crate::{
    Here, Problem,
    admin::{
        access::{Access, Promote},
        etag,
        input::Input,
        paths::InEnvironment,
    },
};

/// What to apply.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    /// Where the configuration comes from.
    from: From,
    /// What was chosen; a plan file has its own.
    #[serde(default)]
    choices: Chosen,
    /// The digest of the plan that was looked at. Needed unless a plan file or `If-Match` says as much.
    expect: Option<String>,
    /// Why.
    #[schema(example = "double points in May")]
    message: Option<String>,
}

/// What applying came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Applied {
    /// The head from now on; absent when there was nothing to do.
    revision: Option<String>,
    /// The position in the control stream from which it holds: no event is decided under an older one any
    /// more.
    #[schema(example = 13)]
    epoch: u64,
    /// The plan that was carried out.
    #[schema(value_type = Object)]
    plan: Value,
}

/// Applies a plan, files, or another environment's configuration
///
/// The plan is computed again and compared: if anything it assumed has changed, it is refused as `stale` and
/// nothing is done. All or nothing, in one step.
#[utoipa::path(
    post, path = "/environments/{environment}/apply", operation_id = "apply", tag = "configuration",
    params(InEnvironment, ("If-Match" = Option<String>, Header, description = "The `ETag` of the configuration that was looked at.")),
    request_body = Application,
    responses((status = 200, body = Applied))
)]
pub(crate) async fn apply(
    access: Access<Promote>,
    here: State<Here>,
    headers: HeaderMap,
    Input(request): Input<Application>,
) -> Result<Json<Applied>, Problem> {
    let (source, choices) = source(&here, &access, request.from, &request.choices)?;
    let mut seen = None;
    if request.expect.is_none() && !matches!(source, PlanSource::File(_)) {
        seen = etag::check(&headers, &access.environment)?;
    }
    let request = ApplyRequest {
        source,
        choices,
        expect: request.expect,
        seen,
        actor: access.actor(),
        message: request.message,
    };
    let applied = access.environment.apply(request).await?;
    Ok(Json(Applied {
        revision: applied.revision.map(|revision| revision.to_string()),
        epoch: applied.epoch,
        plan: serde_json::to_value(&applied.plan).map_err(|error| Problem::internal(&error))?,
    }))
}
