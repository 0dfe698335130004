use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::source::{Chosen, From, source};
use crate::{
    Here, Problem,
    admin::{
        access::{Access, Read},
        input::Input,
        paths::InEnvironment,
    },
};

/// What to plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRequest {
    /// Where the configuration comes from.
    from: From,
    /// What was chosen.
    #[serde(default)]
    choices: Chosen,
}

/// Plans a change of this environment
///
/// The answer is a plan file: what would be done and what it assumes, with a digest. Keep it as it is; `apply`
/// takes it. Nothing is changed.
#[utoipa::path(
    post, path = "/environments/{environment}/plan", operation_id = "plan", tag = "configuration",
    params(InEnvironment), request_body = PlanRequest,
    responses((status = 200, body = Object, description = "The plan, `format_version` 1."))
)]
pub(crate) async fn plan(
    access: Access<Read>,
    here: State<Here>,
    Input(request): Input<PlanRequest>,
) -> Result<Response, Problem> {
    let (source, choices) = source(&here, &access, request.from, &request.choices)?;
    let planned = access.environment.plan(&source, choices).await?;
    let text = planned.plan.to_json().map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
