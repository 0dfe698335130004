use axum::{Extension, Json};
use runtime::work::{Progress, Task};
use serde_json::Value;

use crate::{
    Problem,
    admin::{
        access::{Access, Operate},
        paths::InEnvironment,
    },
    request_id::RequestId,
};

/// Verifies the environment
///
/// Every recorded decision is made again under its own program and compared to the byte; every chain, sum and
/// view is checked. Writes nothing. `findings` is empty when everything holds. `listWork` tells how far it is, and it
/// ends when the connection is closed.
#[utoipa::path(
    post, path = "/environments/{environment}/verify", operation_id = "verify", tag = "keeping",
    params(InEnvironment),
    responses((status = 200, body = Object))
)]
pub(crate) async fn verify(
    access: Access<Operate>,
    Extension(id): Extension<RequestId>,
) -> Result<Json<Value>, Problem> {
    let (environment, progress) = (&access.environment, Progress::default());
    let doing = environment.verify(&progress);
    let verified =
        environment.listed(Task::Verification, id.as_str(), access.actor(), &progress, doing).await?;
    let mut form = serde_json::to_value(&verified).map_err(|error| Problem::internal(&error))?;
    if let Some(fields) = form.as_object_mut() {
        fields.insert("passed".into(), verified.passed().into());
    }
    Ok(Json(form))
}
