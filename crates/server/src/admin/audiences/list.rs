use std::collections::BTreeMap;

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

/// An audience.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AudienceForm {
    /// Its key.
    #[schema(example = "big_spenders")]
    key: String,
    /// The condition, as written.
    #[schema(example = "profile.metrics.spend > 500.0")]
    condition: String,
    /// How many members it has.
    #[schema(example = 734)]
    members: u64,
}

/// Lists audiences
#[utoipa::path(
    get, path = "/environments/{environment}/audiences", operation_id = "listAudiences", tag = "audiences",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<AudienceForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<AudienceForm>>, Problem> {
    let counts: BTreeMap<_, _> = access.environment.store().member_counts().await?.into_iter().collect();
    let rules = access.environment.rules();
    let rows = rules
        .program
        .audiences
        .iter()
        .map(|(key, audience)| AudienceForm {
            key: key.to_string(),
            condition: audience.condition.source.to_string(),
            members: counts.get(key.as_str()).copied().unwrap_or(0),
        })
        .collect();
    paging.part(rows, |row| row).map(Json)
}
