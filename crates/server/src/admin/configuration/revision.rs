use std::collections::BTreeMap;

use axum::{Json, extract::Path};
use program::RevisionId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{RevisionForm, read};
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Read},
        input,
        paths::OfRevision,
    },
};

/// A revision with what it says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionDetail {
    /// It.
    revision: RevisionForm,
    /// Address → hash of each object.
    objects: BTreeMap<String, String>,
}

/// Shows a revision
#[utoipa::path(
    get, path = "/environments/{environment}/revisions/{revision}", operation_id = "showRevision", tag = "configuration",
    params(OfRevision),
    responses((status = 200, body = RevisionDetail))
)]
pub(crate) async fn revision(
    access: Access<Read>,
    Path(which): Path<OfRevision>,
) -> Result<Json<RevisionDetail>, Problem> {
    let id: RevisionId = input::read("revision", &which.revision)?;
    let row = access.environment.store().revision(id.0).await?.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("There is no revision {id} in the environment `{}`.", access.environment.name()),
        )
    })?;
    let objects =
        read(&row)?.manifest.iter().map(|(address, hash)| (address.to_string(), hash.to_string())).collect();
    let revision = RevisionForm::of(&row, access.environment.state().head)?;
    Ok(Json(RevisionDetail { revision, objects }))
}
