use axum::{Json, extract::Path};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Code, Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::OfAudience,
    },
};

/// A member of an audience.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberForm {
    /// The profile's id.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60")]
    profile: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: jiff::Timestamp,
}

/// Lists an audience's members
#[utoipa::path(
    get, path = "/environments/{environment}/audiences/{audience}/members", operation_id = "listMembers", tag = "audiences",
    params(OfAudience, Paging),
    responses((status = 200, body = Listed<MemberForm>))
)]
pub(crate) async fn members(
    access: Access<Read>,
    Path(of): Path<OfAudience>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<MemberForm>>, Problem> {
    let environment = &access.environment;
    let declared = environment.rules().program.audiences.keys().any(|key| key.as_str() == of.audience);
    if !declared {
        return Err(Problem::new(
            Code::NotFound,
            format!("There is no audience `{}` in the environment `{}`.", of.audience, environment.name()),
        ));
    }
    let page = environment.store().members(&of.audience, paging.after(), paging.limit()?).await?;
    Ok(Json(Listed::of(page, |row| MemberForm { profile: row.profile.to_string(), since: row.since })))
}
