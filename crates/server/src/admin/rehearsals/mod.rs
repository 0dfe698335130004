//! Reports of rehearsals, kept where their history was read.

pub(crate) mod list;
pub(crate) mod rehearse;
pub(crate) mod show;

use serde::Serialize;
use serde_json::Value;
use store::RehearsalRow;
use utoipa::ToSchema;

use crate::Problem;

/// A rehearsal that was done here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RehearsalForm {
    /// Its id.
    #[schema(example = "rehearsal_8f14e45fceea167a")]
    id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: jiff::Timestamp,
    /// Id of the administrator or key who asked for it.
    actor_id: String,
    /// Their name then.
    actor: String,
    /// The digest of the plan that was tried.
    digest: String,
    /// The environment's manifest then; absent before the first.
    current: Option<String>,
    /// The manifest that the plan leads to.
    candidate: String,
    /// Events from here on; from the first when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<jiff::Timestamp>,
    /// And before this; to the last when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<jiff::Timestamp>,
    /// Whether the record came out as it is recorded. If not, its figures are not to be relied on.
    trusted: bool,
}

impl RehearsalForm {
    fn of(row: RehearsalRow) -> Self {
        let manifest = |bytes| program::ManifestHash(bytes).to_string();
        Self {
            id: row.id,
            at: row.at,
            actor_id: row.actor_id,
            actor: row.actor,
            digest: row.digest,
            current: row.current.map(manifest),
            candidate: manifest(row.candidate),
            since: row.since,
            until: row.until,
            trusted: row.trusted,
        }
    }
}

/// A report with its id and whose it is.
fn whole(row: RehearsalRow, mut report: Value) -> Result<Value, Problem> {
    let form = serde_json::to_value(RehearsalForm::of(row)).map_err(|error| Problem::internal(&error))?;
    for name in ["id", "at", "actor_id", "actor", "digest"] {
        report[name] = form[name].clone();
    }
    Ok(report)
}
