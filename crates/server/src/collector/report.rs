//! The body of an answer: that it is done, and for those who ask what became of each item.

use runtime::ingest::ItemOutcome;
use serde::Serialize;
use utoipa::ToSchema;

/// What client libraries look for.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Success {
    success: bool,
}

impl Success {
    /// Everything is durable.
    pub(crate) const DONE: Self = Self { success: true };
}

/// What became of each item, in the order in which they were sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    /// All of it is durable.
    success: bool,
    /// Each with its `message_id`, its `outcome`, and what belongs to that.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Reported>,
}

#[derive(Debug, Serialize)]
struct Reported {
    message_id: String,
    #[serde(flatten)]
    outcome: ItemOutcome,
}

impl Report {
    pub(crate) fn new(ids: Vec<String>, outcomes: Vec<ItemOutcome>) -> Self {
        let items = ids
            .into_iter()
            .zip(outcomes)
            .map(|(message_id, outcome)| Reported { message_id, outcome })
            .collect();
        Self { success: true, items }
    }
}
