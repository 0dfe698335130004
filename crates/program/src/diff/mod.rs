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

use crate::{Address, Bundle};

/// The addresses at which two bundles differ.
pub fn differing(a: &Bundle, b: &Bundle) -> BTreeSet<Address> {
    a.specs.keys().chain(b.specs.keys()).filter(|at| a.specs.get(at) != b.specs.get(at)).cloned().collect()
}

/// A canonical spec as JSON.
pub fn parse(spec: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(spec)
}

/// JSON as canonical text: compact, keys sorted by bytes, numbers as they were written.
///
/// Values taken from canonical specs come out in the canonical form of [`crate::canonical`].
pub fn text(value: &Value) -> Arc<str> {
    let mut out = String::new();
    write(value, &mut out);
    out.into()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            // Sorted here: whether `Map` sorts depends on features that any crate of a build may switch on.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
