use axum::{Json, extract::Path, http::HeaderMap};
use engine::{Command, input::Order};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{expect, orders::idempotency_key};
use crate::{
    Problem,
    admin::{
        access::{Access, Members},
        input::{Input, said},
        paths::OfProfile,
    },
};

/// Why a person is erased.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erasure {
    /// Why. Do not name the person: this stays.
    #[schema(example = "request 4711")]
    reason: String,
}

/// That it is done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Erased {
    /// Whose records remain, without a name.
    profile: String,
    /// The last record's position in the stream.
    #[schema(example = 7)]
    n: u64,
}

/// Erases a person, for good
///
/// Wallets are closed, everything personal is deleted from the journal and from every view. Postings and
/// hashes remain, so that the ledger still balances. A backup that is restored erases them again.
#[utoipa::path(
    post, path = "/environments/{environment}/profiles/{profile}/erasure", operation_id = "erase", tag = "profiles",
    params(OfProfile, ("Idempotency-Key" = String, Header, description = "A new one for each new order.")),
    request_body = Erasure,
    responses((status = 200, body = Erased))
)]
pub(crate) async fn erase(
    access: Access<Members>,
    Path(of): Path<OfProfile>,
    headers: HeaderMap,
    Input(erasure): Input<Erasure>,
) -> Result<Json<Erased>, Problem> {
    let profile = of.id()?;
    let key = idempotency_key(&headers)?;
    let reason = said("/reason", &erasure.reason)?;
    expect(&access.environment, profile).await?;
    let command = Command { actor: access.actor().to_string(), reason, order: Order::Erase };
    let done = access.environment.order(profile, command, Some(key)).await?;
    Ok(Json(Erased { profile: done.profile.to_string(), n: done.n }))
}
