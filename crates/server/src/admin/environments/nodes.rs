use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::hex;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// A process that serves an environment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeForm {
    /// Another one after each start.
    #[schema(example = "9c1f3a5be07d48f2a6c4d1e2f3a4b5c6")]
    id: String,
    /// As it was called at its start.
    #[schema(example = "shop-2")]
    name: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: jiff::Timestamp,
    /// When it last reported to the store.
    #[schema(value_type = String, format = DateTime)]
    seen_at: jiff::Timestamp,
    /// Changes up to this epoch have reached it.
    #[schema(example = 12)]
    epoch: u64,
    /// Whether it takes in history, so that no node fires due work by the clock.
    holds_timers: bool,
    /// What it alone does for all: `recomputation`, `timers`.
    #[schema(example = json!(["recomputation", "timers"]))]
    duties: Vec<String>,
}

/// Lists the nodes that serve an environment
///
/// One, unless several processes share a database. A node that has not reported for five seconds is not listed, and
/// what it alone did has gone to another.
#[utoipa::path(
    get, path = "/environments/{environment}/nodes", operation_id = "listNodes", tag = "environments",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<NodeForm>))
)]
pub(crate) async fn nodes(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<NodeForm>>, Problem> {
    let nodes = access.environment.nodes().await?;
    let form = |node: store::NodeRow| NodeForm {
        id: hex(&node.id),
        name: node.name,
        started_at: node.started_at,
        seen_at: node.seen_at,
        epoch: node.epoch,
        holds_timers: node.holds_timers,
        duties: node.duties,
    };
    paging.part(nodes, form).map(Json)
}
