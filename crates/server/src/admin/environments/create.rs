use axum::{Json, extract::State, http::StatusCode};
use program::plan::Choices;
use runtime::configuration::{ApplyRequest, PlanSource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::EnvironmentForm;
use crate::{
    Code, Here, Problem,
    admin::{access::Administrator, input::Input},
};

/// A test environment to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEnvironment {
    /// Lower-case letters, digits, `-` and `_`, at most 40, beginning with a letter.
    #[schema(example = "staging")]
    name: String,
    /// An environment whose configuration it begins with (and nothing else of it).
    #[schema(example = "live")]
    from: Option<String>,
}

/// Makes a test environment
///
/// Empty, or with another's configuration. Constants and secrets are not copied: where the configuration
/// needs some that have no default, it is left empty, and the answer says so in `blockers`.
#[utoipa::path(
    post, path = "/environments", operation_id = "createEnvironment", tag = "environments",
    request_body = NewEnvironment,
    responses((status = 201, body = CreatedEnvironment))
)]
pub(crate) async fn create(
    Administrator(actor): Administrator,
    here: State<Here>,
    Input(new): Input<NewEnvironment>,
) -> Result<(StatusCode, Json<CreatedEnvironment>), Problem> {
    let from = match &new.from {
        None => None,
        Some(name) => Some(here.greenroom.environment(name).ok_or_else(|| {
            Problem::new(Code::NotFound, format!("There is no environment `{name}` to begin from."))
        })?),
    };
    if here.greenroom.environment(&new.name).is_some() {
        return Err(Problem::new(Code::Exists, format!("There is an environment `{}` already.", new.name)));
    }
    let environment = here.greenroom.create_environment(&new.name, actor.clone()).await?;
    let mut blockers = Vec::new();
    if let Some(from) = from {
        let request = ApplyRequest {
            message: Some(format!("begins with the configuration of {}", from.name())),
            source: PlanSource::Environment(from),
            choices: Choices::default(),
            expect: None,
            seen: None,
            actor,
        };
        match environment.apply(request).await {
            Ok(_) => {}
            Err(runtime::Error::Blocked(reasons)) => blockers = reasons,
            Err(error) => return Err(error.into()),
        }
    }
    let created = CreatedEnvironment { environment: EnvironmentForm::of(&environment), blockers };
    Ok((StatusCode::CREATED, Json(created)))
}

/// An environment that was made.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(crate) struct CreatedEnvironment {
    /// It.
    environment: EnvironmentForm,
    /// Why it does not have the configuration it was to begin with; empty when it has.
    blockers: Vec<String>,
}
