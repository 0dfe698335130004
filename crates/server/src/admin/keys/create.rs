use axum::{Json, http::StatusCode};
use jiff::Timestamp;
use runtime::{
    Principal,
    keys::{KeyKind, NewKey},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeyForm;
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Operate},
        input::{Input, said},
        paths::InEnvironment,
    },
    credential,
};

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    /// `wk` (events from servers), `pk` (events from browsers), `sk` (the admin API).
    #[schema(example = "wk")]
    kind: String,
    /// A name for people.
    #[schema(example = "shop backend")]
    name: String,
    /// For `sk`: some of `read`, `members`, `configure`, `promote`, `operate`, `*`.
    #[serde(default)]
    scopes: Vec<String>,
    /// When it ends; never when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    /// It.
    key: KeyForm,
    /// Its text. It is shown this once; only a hash is kept.
    #[schema(example = "wk_test_0123456789abcdefghijklmnopqrst")]
    token: String,
}

/// Makes a key
///
/// A secret key can make keys that may do no more than itself.
#[utoipa::path(
    post, path = "/environments/{environment}/keys", operation_id = "createKey", tag = "keys",
    params(InEnvironment), request_body = KeyRequest,
    responses((status = 201, body = CreatedKey))
)]
pub(crate) async fn create(
    access: Access<Operate>,
    Input(request): Input<KeyRequest>,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    let kind = KeyKind::from_prefix(&request.kind).ok_or_else(|| {
        Problem::new(Code::BadParameter, "A field is wrong.")
            .at("/kind", format!("`{}` is not a kind of key: use wk, pk or sk", request.kind))
    })?;
    if let Principal::Key { row, .. } = &access.principal {
        request.scopes.iter().try_for_each(|scope| credential::scope(row, scope))?;
    }
    let name = said("/name", &request.name)?;
    let NewKey { row, token } =
        access.environment.make_key(access.actor(), kind, &name, request.scopes, request.expires_at).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { key: KeyForm::of(row), token })))
}
