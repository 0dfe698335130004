use axum::Json;
use serde_json::Value;

use crate::{
    Problem,
    admin::{
        access::{Access, Operate},
        paths::InEnvironment,
    },
};

/// Verifies the environment
///
/// Every recorded decision is made again under its own program and compared to the byte; every chain, sum and
/// view is checked. Writes nothing. `findings` is empty when everything holds.
#[utoipa::path(
    post, path = "/environments/{environment}/verify", operation_id = "verify", tag = "keeping",
    params(InEnvironment),
    responses((status = 200, body = Object))
)]
pub(crate) async fn verify(access: Access<Operate>) -> Result<Json<Value>, Problem> {
    let verified = access.environment.verify().await?;
    let mut form = serde_json::to_value(&verified).map_err(|error| Problem::internal(&error))?;
    if let Some(fields) = form.as_object_mut() {
        fields.insert("passed".into(), verified.passed().into());
    }
    Ok(Json(form))
}
