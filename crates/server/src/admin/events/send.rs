use axum::{
    Json,
    extract::{Request, State},
};
use engine::Source;
use runtime::ingest::Incoming;

use crate::{
    Here, Problem,
    admin::{
        access::{Access, Operate},
        paths::InEnvironment,
    },
    body,
    collector::{
        ingest::{incoming, of_text},
        report::Report,
        wire::{BODY_BYTES_MAX, Call, Envelope, inflate},
    },
};

/// Sends events by hand
///
/// The body is a batch of the tracking protocol. Each event is believed as a server's would be, its time too.
/// The answer says what became of each.
#[utoipa::path(
    post, path = "/environments/{environment}/events", operation_id = "sendEvents", tag = "events",
    params(InEnvironment),
    request_body(content = Object, example = json!({"batch": [{"type": "track", "event": "Order Completed", "userId": "u-1001", "properties": {"total": 59.9}}]})),
    responses((status = 200, body = Report))
)]
pub(crate) async fn send(
    access: Access<Operate>,
    here: State<Here>,
    request: Request,
) -> Result<Json<Report>, Problem> {
    let bytes = body::read(request.into_body(), BODY_BYTES_MAX, here.listener.limits.body_timeout).await?;
    let text = inflate(&bytes, None)?;
    let items: Vec<Incoming> = Envelope::read(Call::Import, &text)?
        .items(Source::Import, access.environment.now(), || uuid::Uuid::now_v7().to_string())
        .into_iter()
        .map(|item| incoming(item, Source::Import, of_text))
        .collect();
    let ids = items.iter().map(|item| item.message_id().to_owned()).collect();
    let outcomes = access.environment.ingest(items, text.len()).await?;
    Ok(Json(Report::new(ids, outcomes)))
}
