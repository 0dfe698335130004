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

/// A metric's value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricOfProfile {
    /// Its key.
    #[schema(example = "spend")]
    metric: String,
    /// Its value now, in its window; `null` before anything counted. A sum is exact, to the last digit.
    #[schema(value_type = Object, example = json!(612.4))]
    value: Value,
}

/// Lists a member's metrics as they are now
#[utoipa::path(
    get, path = "/environments/{environment}/profiles/{profile}/metrics", operation_id = "showMetrics", tag = "profiles",
    params(OfProfile, Paging),
    responses((status = 200, body = Listed<MetricOfProfile>))
)]
pub(crate) async fn metrics(
    access: Access<Read>,
    Path(of): Path<OfProfile>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<MetricOfProfile>>, Problem> {
    let environment = &access.environment;
    let profile = expect(environment, of.id()?).await?;
    let rules = environment.rules();
    let mut values: std::collections::BTreeMap<_, _> =
        engine::view::metrics_exact(&rules, &profile, environment.now()).into_iter().collect();
    let rows = rules
        .program
        .metrics
        .keys()
        .map(|key| MetricOfProfile { metric: key.to_string(), value: values.remove(key).unwrap_or_default() })
        .collect();
    paging.part(rows, |row| row).map(Json)
}
