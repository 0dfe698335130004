use axum::Json;
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

/// Something to send.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutboxForm {
    /// Its id: the member, the record that made it, its place there.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/3/0")]
    id: String,
    /// The member it is for.
    profile: String,
    /// `webhook`, `email`, `sms`, `push`.
    #[schema(example = "webhook")]
    channel: String,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    at: jiff::Timestamp,
    /// `recorded`: nothing is sent yet.
    #[schema(example = "recorded")]
    status: String,
    /// What would be sent.
    #[schema(value_type = Object)]
    payload: Value,
}

/// Lists the outbox, newest first
#[utoipa::path(
    get, path = "/environments/{environment}/outbox", operation_id = "listOutbox", tag = "outbox",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<OutboxForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<OutboxForm>>, Problem> {
    let page = access.environment.store().outbox(paging.after(), paging.limit()?).await?;
    Ok(Json(Listed::of(page, |row| OutboxForm {
        id: format!("{}/{}/{}", row.profile, row.n, row.index),
        profile: row.profile.to_string(),
        channel: row.channel,
        at: row.at,
        status: row.status,
        // Emptied on erasure.
        payload: serde_json::from_str(&row.payload).unwrap_or(Value::Null),
    })))
}
