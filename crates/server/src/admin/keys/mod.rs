//! Keys of an environment.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use serde::Serialize;
use store::KeyRow;
use utoipa::ToSchema;

/// A key, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyForm {
    /// Its id.
    #[schema(example = "key_8f14e45fceea167a")]
    id: String,
    /// `wk` (events from servers), `pk` (events from browsers), `sk` (the admin API).
    #[schema(example = "wk")]
    kind: String,
    /// A name for people.
    #[schema(example = "shop backend")]
    name: String,
    /// What a secret key may do.
    scopes: Vec<String>,
    /// Its last four characters.
    #[schema(example = "x3Fq")]
    hint: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: jiff::Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<jiff::Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<jiff::Timestamp>,
}

impl KeyForm {
    fn of(row: KeyRow) -> Self {
        Self {
            id: row.id,
            kind: row.prefix,
            name: row.name,
            scopes: row.scopes,
            hint: row.hint,
            made_at: row.made_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}
