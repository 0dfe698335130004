//! Events that were put aside: why, and how they are taken in after all.

pub(crate) mod list;
pub(crate) mod replay;
pub(crate) mod show;

use runtime::{Environment, ingest::Incoming};
use serde::Serialize;
use serde_json::Value;
use store::QuarantineRow;
use utoipa::ToSchema;

use super::input;
use crate::{Code, Problem};

/// An event in quarantine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantinedForm {
    /// Its id in quarantine.
    #[schema(example = "8f14e45fceea167a5a36dedd4bea2543")]
    id: String,
    /// When it was put aside.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<jiff::Timestamp>,
    /// The event's name.
    #[schema(example = "Order Completed")]
    event: Option<String>,
    /// `schema`, `unknown_event`, `unknown_field`, `malformed`, `fault`, `forbidden_source`, …
    #[schema(example = "schema")]
    code: Option<String>,
    /// What is wrong and where.
    errors: Vec<Fault>,
    /// When it was released; none while it waits. Only where one is asked for by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    released_at: Option<jiff::Timestamp>,
    /// The event as it came; only where one is asked for by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    item: Option<Value>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, serde::Deserialize, ToSchema)]
pub(crate) struct Fault {
    /// JSON pointer into the event.
    #[schema(example = "/properties/total")]
    pointer: String,
    /// What is wrong and what was expected.
    #[schema(example = "is a string; a number was expected")]
    detail: String,
}

impl QuarantinedForm {
    pub(super) fn of(row: QuarantineRow) -> Result<Self, Problem> {
        let errors: Vec<Fault> =
            serde_json::from_str(&row.errors).map_err(|error| Problem::internal(&error))?;
        Ok(Self {
            id: super::environments::hex(&row.message),
            at: Some(row.at),
            event: row.name,
            code: Some(row.code),
            errors,
            released_at: None,
            item: None,
        })
    }

    /// One by itself, as it came.
    pub(super) async fn of_id(
        environment: &Environment,
        id: String,
        message: [u8; 16],
    ) -> Result<Self, Problem> {
        let Some((row, incoming)) = environment.quarantined(message).await? else {
            return Err(Problem::new(
                Code::NotFound,
                format!(
                    "Nothing of the id {id} is in quarantine in the environment `{}`, or it was erased with its person.",
                    environment.name()
                ),
            ));
        };
        let item = match incoming {
            Incoming::Message(message) => {
                serde_json::to_value(&message).map_err(|error| Problem::internal(&error))?
            }
            Incoming::Malformed(malformed) => Value::String(malformed.raw),
        };
        let released_at = environment.released(message).await?.map(|release| release.at);
        Ok(Self { item: Some(item), released_at, ..Self::of(row)? })
    }
}

/// Reads an id of quarantine.
fn id(pointer: &str, text: &str) -> Result<[u8; 16], Problem> {
    // A UUID has as many bytes, and its reader takes them without dashes too.
    input::read::<uuid::Uuid>(pointer, text).map(uuid::Uuid::into_bytes)
}
