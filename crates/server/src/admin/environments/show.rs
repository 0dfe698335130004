use std::collections::BTreeMap;

use axum::Json;
use ledger::Account;
use serde::Serialize;
use utoipa::ToSchema;

use super::EnvironmentForm;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        paths::InEnvironment,
        profiles::word,
    },
};

/// In the order of the books.
const ACCOUNTS: [Account; 8] = [
    Account::Available,
    Account::Pending,
    Account::Held,
    Account::Issued,
    Account::Redeemed,
    Account::Expired,
    Account::Adjusted,
    Account::Clearing,
];

/// An environment and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnvironmentDetail {
    /// It.
    environment: EnvironmentForm,
    /// How many profiles there are.
    #[schema(example = 23570)]
    profiles: u64,
    /// How many of them are still under an older program; the sweep works on it.
    #[schema(example = 0)]
    profiles_behind: u64,
    /// How many records the journal has about profiles.
    #[schema(example = 69659)]
    records: u64,
    /// Events that wait to be decided.
    #[schema(example = 0)]
    queue_depth: usize,
    /// Members of each audience.
    audiences: BTreeMap<String, u64>,
    /// By currency, the sum of each account; `available`, `pending` and `held` together are the liability.
    accounts: BTreeMap<String, BTreeMap<String, i64>>,
    /// Bytes on disk, all in.
    bytes: u64,
}

/// Shows an environment
#[utoipa::path(
    get, path = "/environments/{environment}", operation_id = "showEnvironment", tag = "environments",
    params(InEnvironment),
    responses((status = 200, body = EnvironmentDetail))
)]
pub(crate) async fn show(access: Access<Read>) -> Result<Json<EnvironmentDetail>, Problem> {
    let environment = &access.environment;
    let store = environment.store();
    let (profiles_behind, profiles) = environment.sweep_progress().await?;
    let rules = environment.rules();
    let empty = || ACCOUNTS.iter().map(|account| (word(account), 0)).collect();
    let mut accounts: BTreeMap<String, BTreeMap<String, i64>> =
        rules.program.currencies.keys().map(|currency| (currency.to_string(), empty())).collect();
    for (currency, account, sum) in store.sums().await? {
        accounts.entry(currency.to_string()).or_insert_with(empty).insert(word(&account), sum);
    }
    Ok(Json(EnvironmentDetail {
        environment: EnvironmentForm::of(environment),
        profiles,
        profiles_behind,
        records: store.record_count().await?,
        queue_depth: environment.waiting(),
        audiences: store.member_counts().await?.into_iter().map(|(key, n)| (key.to_string(), n)).collect(),
        accounts,
        bytes: store.bytes().await?,
    }))
}
