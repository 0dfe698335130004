//! What differs between two bundles, and between three: object by object, field by field.
//!
//! Everything works on the canonical JSON of specs; numbers keep their text, so `1.10` never becomes `1.1`.

mod fields;
mod merge;
mod three_way;

pub(crate) use fields::present;
pub use fields::{FieldChange, fields};
pub use merge::{MergeConflict, merge};
pub use three_way::{Sides, State};

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::{Address, Bundle, canonical};

/// The addresses at which two bundles differ.
pub fn differing(a: &Bundle, b: &Bundle) -> BTreeSet<Address> {
    a.specs.keys().chain(b.specs.keys()).filter(|at| a.specs.get(at) != b.specs.get(at)).cloned().collect()
}

/// A canonical spec as JSON.
pub fn parse(spec: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(spec)
}

/// JSON as canonical text. Values taken from canonical specs come out canonical.
pub fn text(value: &Value) -> Arc<str> {
    canonical::write(value).into()
}
