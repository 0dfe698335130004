use axum::{
    Json,
    extract::Path,
    http::{HeaderName, HeaderValue},
};
use program::Address;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ObjectForm, objects::form};
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Read},
        etag,
        input::read,
    },
};

/// Which object.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Which {
    /// The environment's name.
    #[param(example = "staging")]
    #[allow(dead_code, reason = "describes the path; `Access` reads it")]
    environment: String,
    /// Its kind.
    #[param(example = "reactor")]
    kind: String,
    /// Its key.
    #[param(example = "points_for_orders")]
    key: String,
}

/// Shows an object of the head
#[utoipa::path(
    get, path = "/environments/{environment}/objects/{kind}/{key}", operation_id = "showObject", tag = "configuration",
    params(Which),
    responses((status = 200, body = ObjectForm, headers(("ETag" = String, description = "The state of the configuration, for `If-Match`."))))
)]
pub(crate) async fn object(
    access: Access<Read>,
    Path(which): Path<Which>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<ObjectForm>), Problem> {
    let tag = etag::header_of(&access.environment);
    let address: Address = read("key", &format!("{}/{}", which.kind, which.key))?;
    let bundle = access.environment.bundle().await?;
    let canonical = bundle.specs.get(&address).ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("There is no `{address}` in the environment `{}`.", access.environment.name()),
        )
    })?;
    form(&address, &bundle.manifest(), canonical).map(|form| (tag, Json(form)))
}
