use axum::{
    Json,
    http::{HeaderName, HeaderValue},
};
use serde::Serialize;
use serde_json::Value;
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

/// A constant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConstantForm {
    /// Its key.
    #[schema(example = "double_points_factor")]
    key: String,
    /// The value bound here; absent when none is.
    #[schema(value_type = Object, example = json!(2))]
    value: Option<Value>,
    /// What holds while nothing is bound.
    #[schema(value_type = Object)]
    default: Option<Value>,
    /// Whether the program declares it.
    declared: bool,
}

/// Lists constants
#[utoipa::path(
    get, path = "/environments/{environment}/constants", operation_id = "listConstants", tag = "bindings",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<ConstantForm>, headers(("ETag" = String, description = "The state of the configuration, for `If-Match`."))))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Listed<ConstantForm>>), Problem> {
    let tag = etag::header_of(&access.environment);
    let page = paging.part(access.environment.constants()?, |binding| ConstantForm {
        key: binding.key.to_string(),
        value: binding.value,
        default: binding.default,
        declared: binding.declared,
    })?;
    Ok((tag, Json(page)))
}
