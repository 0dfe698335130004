use axum::{Json, extract::Path};
use runtime::history::{Explained, ExplainedRecord};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{RecordForm, json};
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Read},
        environments::hex,
        paths::OfMessage,
        quarantine::QuarantinedForm,
    },
};

/// An event, what became of it, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// `decided` or `quarantined`.
    #[schema(example = "decided")]
    place: &'static str,
    /// What was decided.
    record: Option<RecordForm>,
    /// The revision in force then.
    revision: Option<String>,
    /// The event, as it was kept.
    #[schema(value_type = Option<Object>)]
    message: Option<Value>,
    /// Every reactor considered: its cause, its condition and what that saw, its limits, what stopped it or
    /// what it did. Worked out again from the member's history.
    #[schema(value_type = Option<Object>)]
    trace: Option<Value>,
    /// Why there is no trace any more.
    no_trace: Option<String>,
    /// Where it stands in quarantine, and why.
    quarantined: Option<QuarantinedForm>,
}

/// Explains an event
#[utoipa::path(
    get, path = "/environments/{environment}/events/{message_id}", operation_id = "explainEvent", tag = "events",
    params(OfMessage),
    responses((status = 200, body = Explanation))
)]
pub(crate) async fn explain(
    access: Access<Read>,
    Path(of): Path<OfMessage>,
) -> Result<Json<Explanation>, Problem> {
    let environment = &access.environment;
    let explanation = match environment.explain_message(&of.message_id).await? {
        Explained::Record(record) => decided(*record)?,
        Explained::Quarantined(message) => Explanation {
            place: "quarantined",
            record: None,
            revision: None,
            message: None,
            trace: None,
            no_trace: None,
            quarantined: Some(QuarantinedForm::of_id(environment, hex(&message), message).await?),
        },
        Explained::Unknown => {
            return Err(Problem::new(
                Code::NotFound,
                format!(
                    "No event `{}` has come into the environment `{}`. (Ids are its `messageId`; the same id in another environment is another event.)",
                    of.message_id,
                    environment.name()
                ),
            ));
        }
    };
    Ok(Json(explanation))
}

fn decided(explained: ExplainedRecord) -> Result<Explanation, Problem> {
    let ExplainedRecord {
        profile,
        n,
        kind,
        message,
        occurred_at,
        decided_at,
        epoch,
        revision,
        decision,
        trace,
    } = explained;
    let record = RecordForm {
        message_id: message.as_ref().map(|message| message.message_id.clone()),
        event: message.as_ref().and_then(|message| message.event.clone()),
        occurred_at,
        decided_at,
        epoch,
        erased: message.is_none(),
        ..RecordForm::decided(profile, n, &kind, &decision)
    };
    let (trace, no_trace) = match trace {
        Ok(trace) => (Some(json(&trace)?), None),
        Err(why) => (None, Some(why)),
    };
    Ok(Explanation {
        place: "decided",
        record: Some(record),
        revision: revision.map(|revision| revision.to_string()),
        message: message.map(|message| json(&message)).transpose()?,
        trace,
        no_trace,
        quarantined: None,
    })
}
