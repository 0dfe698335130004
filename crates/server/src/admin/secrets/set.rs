use axum::{Json, extract::Path};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Configure},
        constants::Changed,
        input::{Input, key, said},
        paths::OfKey,
    },
};

/// A secret's value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealed {
    /// It is sealed at once and cannot be read again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    value: String,
}

/// Sets a secret
#[utoipa::path(
    put, path = "/environments/{environment}/secrets/{key}", operation_id = "setSecret", tag = "bindings",
    params(OfKey), request_body = Sealed,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn set(
    access: Access<Configure>,
    Path(of): Path<OfKey>,
    Input(sealed): Input<Sealed>,
) -> Result<Json<Changed>, Problem> {
    let key = key(&of.key)?;
    said("/value", &sealed.value)?;
    let epoch = access.environment.set_secret(access.actor(), key, Some(&sealed.value)).await?;
    Ok(Json(Changed { epoch }))
}
