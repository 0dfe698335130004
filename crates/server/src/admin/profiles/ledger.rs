use axum::{Json, extract::Path};
use serde::Serialize;
use store::{Direction, Stream};
use utoipa::ToSchema;

use super::{GroupForm, expect};
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::OfProfile,
    },
};

/// What one record posted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerEntry {
    /// The record's position in the member's stream.
    #[schema(example = 3)]
    n: u64,
    /// What kind of record: `track`, `timer`, `credit`, …
    #[schema(example = "track")]
    kind: String,
    /// The position in the control stream it was decided under.
    #[schema(example = 12)]
    epoch: u64,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    decided_at: jiff::Timestamp,
    /// What was posted; empty when it posted nothing.
    groups: Vec<GroupForm>,
}

/// Lists a member's postings, newest first
///
/// One row a record; `limit` counts records.
#[utoipa::path(
    get, path = "/environments/{environment}/profiles/{profile}/ledger", operation_id = "showLedger", tag = "profiles",
    params(OfProfile, Paging),
    responses((status = 200, body = Listed<LedgerEntry>))
)]
pub(crate) async fn ledger(
    access: Access<Read>,
    Path(of): Path<OfProfile>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<LedgerEntry>>, Problem> {
    let profile = expect(&access.environment, of.id()?).await?;
    let page = access
        .environment
        .store()
        .stream(Stream::Profile(profile.id), Direction::Backward, paging.after(), paging.limit()?)
        .await?;
    Listed::try_of(page, |record| {
        let recorded =
            engine::record::decode(&record.header, record.body.as_deref()).map_err(runtime::Error::from)?;
        let groups = recorded.decision.groups.iter().enumerate();
        Ok(LedgerEntry {
            n: recorded.n,
            kind: recorded.kind.to_owned(),
            epoch: recorded.epoch,
            decided_at: recorded.times.decided_at,
            groups: groups
                .map(|(index, group)| GroupForm::of(recorded.profile, recorded.n, index, group))
                .collect(),
        })
    })
    .map(Json)
}
