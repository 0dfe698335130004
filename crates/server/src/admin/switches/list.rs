use axum::{
    Json,
    http::{HeaderName, HeaderValue},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        etag,
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// A reactor's switch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SwitchForm {
    /// The reactor's key.
    #[schema(example = "points_for_orders")]
    reactor: String,
    /// Whether it is on; it is unless somebody switched it off.
    on: bool,
}

/// Lists switches
#[utoipa::path(
    get, path = "/environments/{environment}/switches", operation_id = "listSwitches", tag = "bindings",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<SwitchForm>, headers(("ETag" = String, description = "The state of the configuration, for `If-Match`."))))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Listed<SwitchForm>>), Problem> {
    let tag = etag::header_of(&access.environment);
    let (rules, state) = (access.environment.rules(), access.environment.state());
    let rows = rules
        .program
        .reactors
        .iter()
        .map(|(key, _)| SwitchForm { reactor: key.to_string(), on: !state.switched_off.contains(key) })
        .collect();
    Ok((tag, Json(paging.part(rows, |row| row)?)))
}
