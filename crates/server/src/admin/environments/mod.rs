//! Environments.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod nodes;
pub(crate) mod show;

use runtime::Environment;
use serde::Serialize;
use utoipa::ToSchema;

/// An environment in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnvironmentForm {
    /// UUID, hexadecimal.
    #[schema(example = "01987a5c3f7c7d0eae1b2c3d4e5f6071")]
    id: String,
    /// Its name.
    #[schema(example = "staging")]
    name: String,
    /// `live` or `test`; never changes.
    #[schema(example = "test")]
    kind: &'static str,
    /// The revision in force; absent before the first.
    head: Option<String>,
    /// The manifest of the head: equal manifests say the same.
    manifest: Option<String>,
    /// The control stream's position.
    #[schema(example = 12)]
    epoch: u64,
    /// The environment's time.
    #[schema(value_type = String, format = DateTime)]
    now: jiff::Timestamp,
}

impl EnvironmentForm {
    pub(crate) fn of(environment: &Environment) -> Self {
        let state = environment.state();
        Self {
            id: hex(&environment.id()),
            name: environment.name().to_owned(),
            kind: environment.kind(),
            head: state.head.map(|head| head.to_string()),
            manifest: state.manifest.map(|manifest| manifest.to_string()),
            epoch: state.epoch,
            now: environment.now(),
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
