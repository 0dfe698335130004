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

/// A secret. Its value cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretForm {
    /// Its key.
    #[schema(example = "erp_webhook")]
    key: String,
    /// Whether the program declares it.
    declared: bool,
    /// When it was set; absent when it has no value.
    #[schema(value_type = Option<String>, format = DateTime)]
    set_at: Option<jiff::Timestamp>,
}

/// Lists secrets, without their values
#[utoipa::path(
    get, path = "/environments/{environment}/secrets", operation_id = "listSecrets", tag = "bindings",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<SecretForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<SecretForm>>, Problem> {
    let environment = &access.environment;
    let mut secrets: BTreeMap<String, SecretForm> = environment
        .rules()
        .program
        .secrets
        .keys()
        .map(|key| (key.to_string(), SecretForm { key: key.to_string(), declared: true, set_at: None }))
        .collect();
    for (key, set_at) in environment.secrets().await? {
        secrets.entry(key.clone()).or_insert(SecretForm { key, declared: false, set_at: None }).set_at =
            Some(set_at);
    }
    paging.part(secrets.into_values().collect(), |secret| secret).map(Json)
}
