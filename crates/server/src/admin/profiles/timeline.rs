use axum::{Json, extract::Path};
use store::{Direction, Stream};

use super::expect;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        events::RecordForm,
        input::Asked,
        page::{Listed, Paging},
        paths::OfProfile,
    },
};

/// Lists what happened to a member, newest first
#[utoipa::path(
    get, path = "/environments/{environment}/profiles/{profile}/timeline", operation_id = "showTimeline", tag = "profiles",
    params(OfProfile, Paging),
    responses((status = 200, body = Listed<RecordForm>))
)]
pub(crate) async fn timeline(
    access: Access<Read>,
    Path(of): Path<OfProfile>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<RecordForm>>, Problem> {
    let profile = expect(&access.environment, of.id()?).await?;
    let page = access
        .environment
        .store()
        .stream(Stream::Profile(profile.id), Direction::Backward, paging.after(), paging.limit()?)
        .await?;
    Listed::try_of(page, |record| RecordForm::of(&record)).map(Json)
}
