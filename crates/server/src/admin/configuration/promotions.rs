use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// A plan that was applied here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromotionForm {
    /// The position in the control stream from which it holds.
    #[schema(example = 12)]
    epoch: u64,
    /// The id of the environment it came from, or `files`.
    source: String,
    /// What the source said then: the base of the next comparison.
    source_manifest: String,
    /// The plan's digest.
    digest: String,
    /// Who applied it.
    actor: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: jiff::Timestamp,
}

/// Lists what was applied here, newest first
#[utoipa::path(
    get, path = "/environments/{environment}/promotions", operation_id = "listPromotions", tag = "configuration",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<PromotionForm>))
)]
pub(crate) async fn promotions(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<PromotionForm>>, Problem> {
    let page = access.environment.store().promotions(paging.after(), paging.limit()?).await?;
    Ok(Json(Listed::of(page, |row| PromotionForm {
        epoch: row.epoch,
        source: row.source,
        source_manifest: program::ManifestHash(row.source_manifest).to_string(),
        digest: row.digest,
        actor: row.actor,
        at: row.at,
    })))
}
