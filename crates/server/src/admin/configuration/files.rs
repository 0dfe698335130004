use axum::{
    Json,
    http::{HeaderName, HeaderValue},
};
use program::pull::{self, ORIGIN_FILE, Origin};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        etag,
        paths::InEnvironment,
    },
};

/// A file of a program.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Its path in the program's folder.
    #[schema(example = "reactors/points_for_orders.yaml")]
    pub(crate) name: String,
    /// Its text.
    #[schema(
        example = "kind: reactor\nkey: points_for_orders\nspec:\n  trigger: {event: order_completed}\n"
    )]
    pub(crate) text: String,
}

/// The head as files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Files {
    /// One object a file, and the file that says where they come from.
    files: Vec<File>,
}

/// Writes the head as files
///
/// What `greenroom pull` puts into a folder: planning that folder against this environment finds nothing to
/// do.
#[utoipa::path(
    get, path = "/environments/{environment}/files", operation_id = "pullFiles", tag = "configuration",
    params(InEnvironment),
    responses((status = 200, body = Files, headers(("ETag" = String, description = "The state of the configuration, for `If-Match`."))))
)]
pub(crate) async fn files(
    access: Access<Read>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Files>), Problem> {
    let tag = etag::header_of(&access.environment);
    let head = access.environment.state().head;
    let bundle = access.environment.bundle().await?;
    let mut files: Vec<File> =
        pull::files(&bundle).into_iter().map(|(name, text)| File { name, text }).collect();
    if let Some(head) = head {
        let origin = Origin::new(access.environment.name(), head, bundle.manifest_hash());
        files.push(File { name: ORIGIN_FILE.to_owned(), text: origin.write() });
    }
    Ok((tag, Json(Files { files })))
}
