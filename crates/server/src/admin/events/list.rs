use axum::Json;
use store::{Direction, Page, Stream};

use super::RecordForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Lists what was decided, newest first
///
/// Over all members; the order between members is nearly, not exactly, that of time. Events in quarantine
/// have a list of their own.
#[utoipa::path(
    get, path = "/environments/{environment}/events", operation_id = "listEvents", tag = "events",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<RecordForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<RecordForm>>, Problem> {
    let store = access.environment.store();
    let Page { mut rows, next } = store.feed(Direction::Backward, paging.after(), paging.limit()?).await?;
    rows.retain(|record| matches!(record.stream, Stream::Profile(_)));
    Listed::try_of(Page { rows, next }, |record| RecordForm::of(&record)).map(Json)
}
