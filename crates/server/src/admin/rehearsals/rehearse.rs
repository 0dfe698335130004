use axum::{Extension, Json, extract::State};
use jiff::Timestamp;
use runtime::{
    history::RehearsalRequest,
    work::{Progress, Task},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::whole;
use crate::{
    Code, Here, Problem,
    admin::{
        access::{Access, Read},
        configuration::source::{Chosen, From, source},
        input::Input,
        paths::InEnvironment,
    },
    request_id::RequestId,
};

/// What to rehearse.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rehearsal {
    /// Where the candidate comes from.
    from: From,
    /// What was chosen; a plan file has its own.
    #[serde(default)]
    choices: Chosen,
    /// Events from here on, by when they happened; from the first when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// And before this; to the last when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Rehearses a change on this environment's recorded history
///
/// Every event of the window is decided twice: as recorded, which must come out as recorded or the report
/// says untrusted, and under the candidate. Nothing is decided and nothing is sent; the report is kept, under the
/// `id` that it has here. This takes as long as it takes to read the history: `listWork` tells how far it is, and
/// it ends when the connection is closed.
#[utoipa::path(
    post, path = "/environments/{environment}/rehearse", operation_id = "rehearse", tag = "rehearsals",
    params(InEnvironment), request_body = Rehearsal,
    responses((status = 200, body = Object, description = "The report, `format_version` 1."))
)]
pub(crate) async fn rehearse(
    access: Access<Read>,
    here: State<Here>,
    Extension(id): Extension<RequestId>,
    Input(request): Input<Rehearsal>,
) -> Result<Json<Value>, Problem> {
    let (source, choices) = source(&here, &access, request.from, &request.choices)?;
    if let (Some(since), Some(until)) = (request.since, request.until)
        && since >= until
    {
        let what = format!("must be before `until`: nothing lies between {since} and {until}");
        return Err(Problem::new(Code::BadParameter, "A field is wrong.").at("/since", what));
    }
    let request = RehearsalRequest { source, choices, since: request.since, until: request.until };
    let (environment, actor, progress) = (&access.environment, access.actor(), Progress::default());
    let doing = environment.rehearse(request, &actor, &progress);
    let done = environment.listed(Task::Rehearsal, id.as_str(), actor.clone(), &progress, doing).await?;
    let report = serde_json::to_value(&done.report).map_err(|error| Problem::internal(&error))?;
    whole(done.row, report).map(Json)
}
