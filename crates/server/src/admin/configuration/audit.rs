use axum::Json;
use runtime::control::ControlRecord;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Something that was changed, and by whom. Each entry's hash is in the next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditForm {
    /// Its position: the epoch it begins.
    #[schema(example = 12)]
    epoch: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: jiff::Timestamp,
    /// Id of the administrator or key.
    actor_id: String,
    /// Their name then.
    actor: String,
    /// Why, as they wrote it.
    message: Option<String>,
    /// What: `change` names it. Values of constants are left out.
    #[schema(value_type = Object)]
    what: Value,
    /// SHA-256 of the entry before.
    previous: String,
}

/// Lists who changed what, newest first
#[utoipa::path(
    get, path = "/environments/{environment}/audit", operation_id = "listAudit", tag = "configuration",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<AuditForm>))
)]
pub(crate) async fn audit(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<AuditForm>>, Problem> {
    let page = access.environment.store().audit(paging.after(), paging.limit()?).await?;
    Listed::try_of(page, |row| {
        let record = ControlRecord::decode(&row.header)?;
        let mut what = serde_json::to_value(&record.change).map_err(|error| Problem::internal(&error))?;
        if let Some(fields) = what.as_object_mut() {
            fields.remove("sealed");
        }
        Ok(AuditForm {
            epoch: record.n,
            at: record.at,
            actor_id: record.actor.id,
            actor: record.actor.name,
            message: record.message,
            what,
            previous: record.previous,
        })
    })
    .map(Json)
}
