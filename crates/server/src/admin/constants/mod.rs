//! Constants: declared by the program, bound by each environment.

pub(crate) mod list;
pub(crate) mod set;
pub(crate) mod unset;

use serde::Serialize;
use utoipa::ToSchema;

/// That a binding has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// The position in the control stream from which it holds.
    #[schema(example = 15)]
    pub(crate) epoch: u64,
}
