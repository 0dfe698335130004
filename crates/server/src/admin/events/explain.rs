use axum::{Json, extract::Path};
use runtime::history::{At, Duplicate, Explained, ExplainedRecord, Merge};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{RecordForm, json, ordered};
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
    /// `decided`, `duplicate` or `quarantined`.
    #[schema(example = "decided")]
    place: &'static str,
    /// Of what it was a duplicate; then all that follows is about that one.
    duplicate: Option<DuplicateForm>,
    /// What was decided.
    record: Option<RecordForm>,
    /// The revision in force then.
    revision: Option<String>,
    /// The merges that it led to, or that it is, oldest first. Each of their records can be explained by its address.
    merges: Vec<MergeForm>,
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

/// An event that had no effect of its own: it waited in quarantine, and was counted under another `messageId` before it
/// was released.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DuplicateForm {
    /// The property that is to be unique.
    #[schema(example = "properties.order_id")]
    by: String,
    /// The record that holds the effect, by its address `PROFILE/N`.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/3")]
    of: String,
    /// When it was released from quarantine.
    #[schema(value_type = String, format = DateTime)]
    released_at: jiff::Timestamp,
}

/// One member moved into another: two records, each in its own stream, by their addresses `PROFILE/N`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergeForm {
    /// By which the one moved out; `null` when nothing is known of it any more.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/4")]
    out: Option<String>,
    /// By which the other took it in.
    #[schema(example = "0b9f3a55-1c2d-4e6f-9a8b-7c6d5e4f3a2b/2")]
    taken_in: String,
}

impl MergeForm {
    fn of(merge: &Merge) -> Self {
        Self { out: merge.out.map(written), taken_in: written(merge.taken_in) }
    }
}

/// The address of a record.
fn written((profile, n): At) -> String {
    format!("{profile}/{n}")
}

/// Explains an event, or any record of a member
///
/// Work that became due, upgrades, merges and orders by hand came with no `messageId`; like any record they have an
/// address, `PROFILE/N` (written `PROFILE%2FN` in the path): the member, and the position in the member's timeline.
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
        Explained::Duplicate(duplicate) => {
            let Duplicate { by, released_at, first } = *duplicate;
            let of = written((first.profile, first.n));
            Explanation {
                place: "duplicate",
                duplicate: Some(DuplicateForm { by, of, released_at }),
                ..decided(first)?
            }
        }
        Explained::Quarantined(message) => Explanation {
            place: "quarantined",
            duplicate: None,
            record: None,
            revision: None,
            merges: Vec::new(),
            message: None,
            trace: None,
            no_trace: None,
            quarantined: Some(QuarantinedForm::of_id(environment, hex(&message), message).await?),
        },
        Explained::Unknown => {
            let Some((profile, n)) = address(&of.message_id) else {
                return Err(Problem::new(
                    Code::NotFound,
                    format!(
                        "No event `{}` has come into the environment `{}`, or it was a duplicate under an id of its own. (Ids are its `messageId`, or PROFILE/N, the address of a record; the same id in another environment is another event. Of a duplicate by the event type's `unique_by` nothing is kept: ask for the one it repeats by the event's name and the unique value, `greenroom explain --unique EVENT VALUE`.)",
                        of.message_id,
                        environment.name()
                    ),
                ));
            };
            decided(environment.explain_record(profile, n).await?)?
        }
    };
    Ok(Json(explanation))
}

/// `PROFILE/N`, if it is one.
fn address(text: &str) -> Option<At> {
    let (profile, n) = text.split_once('/')?;
    Some((profile.parse().ok()?, n.parse().ok()?))
}

pub(super) fn decided(explained: ExplainedRecord) -> Result<Explanation, Problem> {
    let ExplainedRecord {
        profile,
        n,
        kind,
        message,
        order,
        erased,
        merges,
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
        order: order.map(|order| ordered(&order)),
        erased,
        ..RecordForm::decided(profile, n, &kind, &decision)
    };
    let (trace, no_trace) = match trace {
        Ok(trace) => (Some(json(&trace)?), None),
        Err(why) => (None, Some(why)),
    };
    Ok(Explanation {
        place: "decided",
        duplicate: None,
        record: Some(record),
        revision: revision.map(|revision| revision.to_string()),
        merges: merges.iter().map(MergeForm::of).collect(),
        message: message.map(|message| json(&message)).transpose()?,
        trace,
        no_trace,
        quarantined: None,
    })
}
