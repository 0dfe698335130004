use axum::{Json, extract::Path};

use super::{ProfileForm, expect};
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        paths::OfProfile,
    },
};

/// Shows a member
#[utoipa::path(
    get, path = "/environments/{environment}/profiles/{profile}", operation_id = "showProfile", tag = "profiles",
    params(OfProfile),
    responses((status = 200, body = ProfileForm))
)]
pub(crate) async fn show(
    access: Access<Read>,
    Path(of): Path<OfProfile>,
) -> Result<Json<ProfileForm>, Problem> {
    let profile = expect(&access.environment, of.id()?).await?;
    Ok(Json(ProfileForm::of(&profile)))
}
