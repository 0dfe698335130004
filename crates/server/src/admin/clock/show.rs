use axum::Json;

use super::ClockForm;
use crate::admin::{
    access::{Access, Read},
    paths::InEnvironment,
};

/// Shows the clock
#[utoipa::path(
    get, path = "/environments/{environment}/clock", operation_id = "showClock", tag = "clock",
    params(InEnvironment),
    responses((status = 200, body = ClockForm))
)]
pub(crate) async fn show(access: Access<Read>) -> Json<ClockForm> {
    Json(ClockForm::of(&access.environment))
}
