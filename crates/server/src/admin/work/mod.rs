//! Long work that is under way.

pub(crate) mod cancel;
pub(crate) mod list;

use runtime::work::Work;
use serde::Serialize;
use utoipa::ToSchema;

/// Work that somebody waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkForm {
    /// The id of the request that asked for it, as its `X-Request-Id` says.
    #[schema(example = "01987a5c3f7c7d0eae1b2c3d4e5f6071")]
    id: String,
    /// What is done: `rehearsal`, `verification`, `rebuild`, `backup`.
    #[schema(example = "rehearsal")]
    task: &'static str,
    /// Id of the administrator or key who asked for it.
    actor_id: String,
    /// Their name.
    actor: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    begun_at: jiff::Timestamp,
    /// Records read so far; bytes, of a backup.
    #[schema(example = 24000)]
    done: u64,
    /// Of how many, as counted in the beginning; more may have come since.
    #[schema(example = 69659)]
    total: u64,
    /// What both are counted in: `records` or `bytes`.
    #[schema(example = "records")]
    unit: &'static str,
}

impl WorkForm {
    fn of(work: Work) -> Self {
        Self {
            id: work.id,
            task: work.task.word(),
            actor_id: work.actor.id,
            actor: work.actor.name,
            begun_at: work.begun_at,
            done: work.progress.done(),
            total: work.progress.total(),
            unit: work.task.unit(),
        }
    }
}
