//! Administrators: who may do everything in every environment.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use serde::Serialize;
use store::AdministratorRow;
use utoipa::ToSchema;

/// An administrator, without the token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdministratorForm {
    /// Its id, as it stands in audit records.
    #[schema(example = "admin_8f14e45fceea167a")]
    id: String,
    /// A name for people.
    #[schema(example = "Ada")]
    name: String,
    /// The token's last four characters.
    #[schema(example = "x3Fq")]
    hint: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: jiff::Timestamp,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<jiff::Timestamp>,
}

impl AdministratorForm {
    fn of(row: AdministratorRow) -> Self {
        Self { id: row.id, name: row.name, hint: row.hint, made_at: row.made_at, revoked_at: row.revoked_at }
    }
}
