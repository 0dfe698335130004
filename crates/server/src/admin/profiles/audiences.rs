use std::collections::BTreeMap;

use axum::{Json, extract::Path};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::expect;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::OfProfile,
    },
};

/// An audience, whether a member is in it, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AudienceOfProfile {
    /// Its key.
    #[schema(example = "big_spenders")]
    audience: String,
    /// Whether the member is in it.
    member: bool,
    /// Since when: the latest time that the member's history had come to when it brought them in. An event that comes
    /// late makes nobody a member in the past.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<jiff::Timestamp>,
    /// The condition, as written.
    #[schema(example = "profile.metrics.spend > 500.0")]
    condition: String,
    /// What the condition reads, as it is now.
    #[schema(value_type = Object, example = json!({"profile.metrics.spend": 612.4}))]
    reads: BTreeMap<String, Value>,
}

/// Lists every audience, whether a member is in it, and why
#[utoipa::path(
    get, path = "/environments/{environment}/profiles/{profile}/audiences", operation_id = "showProfileAudiences", tag = "profiles",
    params(OfProfile, Paging),
    responses((status = 200, body = Listed<AudienceOfProfile>))
)]
pub(crate) async fn audiences(
    access: Access<Read>,
    Path(of): Path<OfProfile>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<AudienceOfProfile>>, Problem> {
    let environment = &access.environment;
    let profile = expect(environment, of.id()?).await?;
    let (rules, now) = (environment.rules(), environment.now());
    let rows = rules
        .program
        .audiences
        .keys()
        .filter_map(|key| {
            let (condition, reads) = engine::view::audience_reason(&rules, &profile, key.as_str(), now)?;
            let since = profile.audiences.get(key.as_str()).copied();
            Some(AudienceOfProfile {
                audience: key.to_string(),
                member: since.is_some(),
                since,
                condition: condition.to_string(),
                reads,
            })
        })
        .collect();
    paging.part(rows, |row| row).map(Json)
}
