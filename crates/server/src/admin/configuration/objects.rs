use axum::{
    Json,
    http::{HeaderName, HeaderValue},
};
use program::{Address, Kind};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ObjectForm, spec};
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        etag,
        input::{Asked, read},
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Which objects.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only of this kind.
    #[param(example = "reactor")]
    kind: Option<String>,
    /// How many at most; 50 by default, 200 at most.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the objects of the head
#[utoipa::path(
    get, path = "/environments/{environment}/objects", operation_id = "listObjects", tag = "configuration",
    params(InEnvironment, Which),
    responses((status = 200, body = Listed<ObjectForm>, headers(("ETag" = String, description = "The state of the configuration, for `If-Match`."))))
)]
pub(crate) async fn objects(
    access: Access<Read>,
    Asked(which): Asked<Which>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Listed<ObjectForm>>), Problem> {
    let tag = etag::header_of(&access.environment);
    let kind = which.kind.as_deref().map(|kind| read::<Kind>("kind", kind)).transpose()?;
    let bundle = access.environment.bundle().await?;
    let manifest = bundle.manifest();
    let objects = bundle
        .specs
        .iter()
        .filter(|(address, _)| kind.is_none_or(|kind| address.kind == kind))
        .map(|(address, canonical)| form(address, &manifest, canonical))
        .collect::<Result<Vec<_>, _>>()?;
    let page = Paging::new(which.limit, which.cursor).part(objects, |object| object)?;
    Ok((tag, Json(page)))
}

pub(super) fn form(
    address: &Address,
    manifest: &std::collections::BTreeMap<Address, program::SpecHash>,
    canonical: &str,
) -> Result<ObjectForm, Problem> {
    Ok(ObjectForm {
        address: address.to_string(),
        hash: manifest.get(address).map(ToString::to_string).unwrap_or_default(),
        spec: spec(canonical)?,
    })
}
