use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};

use super::expect;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        paths::OfProfile,
    },
};

/// All that a member's stream posted, as text
///
/// A line of JSON for each posting group, oldest first. The same input gives the same bytes, whichever store keeps it
/// and however many nodes have decided it: when it was decided is not in it. Who was merged into another has a stream
/// of their own.
#[utoipa::path(
    get, path = "/environments/{environment}/profiles/{profile}/ledger/export", operation_id = "exportLedger",
    tag = "profiles", params(OfProfile),
    responses((status = 200, content_type = "application/x-ndjson", body = String))
)]
pub(crate) async fn export(access: Access<Read>, Path(of): Path<OfProfile>) -> Result<Response, Problem> {
    let profile = expect(&access.environment, of.id()?).await?;
    let lines = access.environment.ledger_export(profile.id).await?;
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}
