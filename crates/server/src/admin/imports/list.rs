use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Kept;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// How far an import has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportForm {
    /// Its name.
    #[schema(example = "cdnow")]
    name: String,
    /// The line to go on with; those before it are durable.
    #[schema(example = 40001)]
    next_line: u64,
    /// The sum of what stands before that line, as whoever imported it gave it.
    prefix: Option<String>,
    /// The file it was read from, as whoever imported it gave it.
    #[schema(example = "/srv/exports/orders.ndjson")]
    file: Option<String>,
    /// Whether its last part has come.
    #[schema(example = false)]
    finished: bool,
}

/// Lists imports and how far they have come
#[utoipa::path(
    get, path = "/environments/{environment}/imports", operation_id = "listImports", tag = "imports",
    params(InEnvironment, Paging),
    responses((status = 200, body = Listed<ImportForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<ImportForm>>, Problem> {
    let imports = access.environment.store().checkpoints().await?;
    paging
        .part(imports, |(name, position)| {
            let Kept { next_line, prefix, file, finished } = Kept::read(&position);
            ImportForm { name, next_line, prefix, file, finished }
        })
        .map(Json)
}
