use axum::Json;
use runtime::ingest::ItemOutcome;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::id;
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Members},
        environments::hex,
        input::Input,
        paths::InEnvironment,
    },
};

/// How many are decided in one go.
const AT_ONCE: usize = 200;

/// Which events to decide again: some by id, or all.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replay {
    /// Ids of quarantine, 200 at most.
    #[schema(example = json!(["8f14e45fceea167a5a36dedd4bea2543"]))]
    ids: Option<Vec<String>>,
    /// All that stand there now.
    #[serde(default)]
    all: bool,
}

/// What became of them.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// Decided now.
    #[schema(example = 12)]
    decided: usize,
    /// Had their effect before, by another road.
    #[schema(example = 0)]
    duplicate: usize,
    /// Still do not fit, and stay where they are.
    #[schema(example = 1)]
    quarantined: usize,
    /// Do not stand there: they never did, or were erased.
    #[schema(example = 0)]
    absent: usize,
    /// Each by itself, when ids were given.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
}

/// Decides events in quarantine again, under the program of now
#[utoipa::path(
    post, path = "/environments/{environment}/quarantine/replay", operation_id = "replayQuarantine", tag = "quarantine",
    params(InEnvironment), request_body = Replay,
    responses((status = 200, body = Replayed))
)]
pub(crate) async fn replay(
    access: Access<Members>,
    Input(replay): Input<Replay>,
) -> Result<Json<Replayed>, Problem> {
    let environment = &access.environment;
    let mut replayed = Replayed::default();
    match (replay.ids, replay.all) {
        (Some(ids), false) if (1..=AT_ONCE).contains(&ids.len()) => {
            let messages = ids.iter().map(|text| id("/ids", text)).collect::<Result<Vec<_>, _>>()?;
            let outcomes = environment.release(messages).await?;
            for (id, outcome) in ids.into_iter().zip(&outcomes) {
                replayed.count(outcome);
                let mut item = serde_json::to_value(outcome).map_err(|error| Problem::internal(&error))?;
                if let Some(fields) = item.as_object_mut() {
                    fields.insert("id".into(), id.into());
                }
                replayed.items.push(item);
            }
        }
        (None, true) => {
            // All ids first: what still does not fit stays in the list, and would come again.
            let (mut messages, mut after) = (Vec::new(), None);
            loop {
                let page = environment.store().quarantine(after, AT_ONCE).await?;
                messages.extend(page.rows.into_iter().map(|row| row.message));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            // Oldest first, as they came.
            messages.reverse();
            for some in messages.chunks(AT_ONCE) {
                let outcomes = environment.release(some.to_vec()).await?;
                for outcome in &outcomes {
                    replayed.count(outcome);
                }
            }
            tracing::info!(
                environment = environment.name(),
                decided = replayed.decided,
                left = replayed.quarantined,
                first = messages.first().map(|message| hex(message)),
                "quarantine replayed"
            );
        }
        _ => {
            return Err(Problem::new(
                Code::BadParameter,
                format!("Give either `ids` (1 to {AT_ONCE} of them) or `all: true`."),
            ));
        }
    }
    Ok(Json(replayed))
}

impl Replayed {
    fn count(&mut self, outcome: &ItemOutcome) {
        match outcome {
            ItemOutcome::Decided(_) => self.decided += 1,
            ItemOutcome::Duplicate { .. } => self.duplicate += 1,
            ItemOutcome::Quarantined { .. } => self.quarantined += 1,
            ItemOutcome::Absent => self.absent += 1,
        }
    }
}
