//! Objects, revisions, and how the head moves.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod files;
pub(crate) mod object;
pub(crate) mod objects;
pub(crate) mod plan;
pub(crate) mod promotions;
pub(crate) mod revision;
pub(crate) mod revisions;
pub(crate) mod rollback;
pub(crate) mod source;

use program::Revision;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::Problem;

/// An object of the head.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectForm {
    /// Where it lives.
    #[schema(example = "reactor/points_for_orders")]
    address: String,
    /// SHA-256 of its canonical form: equal hashes say the same.
    hash: String,
    /// What it says.
    #[schema(value_type = Object)]
    spec: Value,
}

/// A revision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionForm {
    /// Its id.
    id: String,
    /// The hash of what it says: equal manifests say the same.
    manifest: String,
    /// The one before it.
    parent: Option<String>,
    /// Who made it.
    author: String,
    /// Why.
    message: String,
    /// How it came about; `kind` says the sort of it.
    #[schema(value_type = Object, example = json!({"kind": "birth"}))]
    origin: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    made_at: jiff::Timestamp,
    /// Whether it is in force.
    head: bool,
}

impl RevisionForm {
    fn of(row: &store::RevisionRow, head: Option<program::RevisionId>) -> Result<Self, Problem> {
        let id = program::RevisionId(row.id);
        let revision = read(row)?;
        Ok(Self {
            id: id.to_string(),
            manifest: program::ManifestHash(row.manifest).to_string(),
            parent: revision.parent.map(|parent| parent.to_string()),
            author: revision.author,
            message: revision.message,
            origin: serde_json::to_value(&revision.origin).map_err(|error| Problem::internal(&error))?,
            made_at: revision.made_at,
            head: head == Some(id),
        })
    }
}

fn read(row: &store::RevisionRow) -> Result<Revision, Problem> {
    Revision::read(program::RevisionId(row.id), &row.canonical).map_err(|error| Problem::internal(&error))
}

fn spec(canonical: &str) -> Result<Value, Problem> {
    serde_json::from_str(canonical).map_err(|error| Problem::internal(&error))
}
