use axum::{Json, extract::Path};
use serde::Deserialize;
use utoipa::IntoParams;

use super::explain::{Explanation, decided};
use crate::{
    Code, Problem,
    admin::access::{Access, Read},
};

/// What is unique of an event.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfUnique {
    /// The environment's name.
    #[param(example = "staging")]
    #[allow(dead_code, reason = "describes the path; `Access` reads it")]
    environment: String,
    /// The event's name, as clients send it.
    #[param(example = "Order Completed")]
    event: String,
    /// The value of the property that its event type names in `unique_by`.
    #[param(example = "1001")]
    value: String,
}

/// Explains the event that was the first with a unique value
///
/// An event whose `unique_by` value had come before under another `messageId` has no effect and is not kept: this is how
/// the one is found that it was a duplicate of.
#[utoipa::path(
    get, path = "/environments/{environment}/unique/{event}/{value}", operation_id = "explainUnique", tag = "events",
    params(OfUnique),
    responses((status = 200, body = Explanation))
)]
pub(crate) async fn explain_unique(
    access: Access<Read>,
    Path(of): Path<OfUnique>,
) -> Result<Json<Explanation>, Problem> {
    let environment = &access.environment;
    match environment.explain_unique(&of.event, &of.value).await? {
        Some(record) => decided(record).map(Json),
        None => Err(Problem::new(
            Code::NotFound,
            format!(
                "No `{}` with the unique value `{}` has had an effect in the environment `{}`. (It is the value of the property that the event type names in `unique_by`, as it was sent; one that waits in quarantine has had none.)",
                of.event,
                of.value,
                environment.name()
            ),
        )),
    }
}
