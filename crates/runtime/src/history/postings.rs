//! A member's ledger as text, the same wherever and whenever the same was decided.

use engine::record::Recorded;
use ledger::{GroupId, PostingGroup, ProfileId};
use serde::Serialize;

use crate::{Environment, Error, Result, batch};

/// One posting group, with all that rests on what came in. When it was decided, by which process and in which
/// environment does not belong to it.
#[derive(Serialize)]
struct Line<'a> {
    id: GroupId,
    #[serde(flatten)]
    group: &'a PostingGroup,
}

/// What the records of a stream posted: a line of JSON for each posting group, fields in a fixed order.
///
/// The same input, each member's events in their order, gives the same bytes: on any store, and however many
/// nodes have decided it.
pub fn ledger_lines(records: &[Recorded]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for recorded in records {
        for (index, group) in (0..).zip(&recorded.decision.groups) {
            let id = GroupId { profile: recorded.profile, n: recorded.n, index };
            let line = serde_json::to_string(&Line { id, group })
                .map_err(|error| Error::Internal(format!("posting group {id} has no JSON form: {error}")))?;
            lines.push(line);
        }
    }
    Ok(lines)
}

impl Environment {
    /// The ledger of one stream, oldest first; see [`ledger_lines`]. Who was merged into another keeps a stream
    /// of their own.
    pub async fn ledger_export(&self, profile: ProfileId) -> Result<Vec<String>> {
        ledger_lines(&batch::records(self, profile).await?)
    }
}
