//! The canonical form of a spec: one text for one meaning, however it was spelled.
//!
//! JSON without white space, fields sorted by their bytes, defaults left out, decimals exact and normal
//! (`1.10` is `1.1`), moments in UTC, expressions trimmed, and an expression that is a mere literal written
//! as that literal. Reading it gives the same object, and encoding that the same bytes.

mod reactor;
mod specs;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{Key, kinds::Spec};

/// A spec's canonical text. The key is needed because some defaults are the key.
pub fn encode(key: &Key, spec: &Spec) -> Arc<str> {
    write(&specs::to_json(key, spec)).into()
}

/// Any JSON in canonical text: fields sorted, no white space. Numbers are taken as they are.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    put(value, &mut out);
    out
}

fn put(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                put(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (i, (name, value)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                put(&Value::from(name.as_str()), out);
                out.push(':');
                put(value, out);
            }
            out.push('}');
        }
        // Display of a JSON scalar is its text, and cannot fail.
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// Fields of an object under construction; defaults are not put in.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(name.into(), value.into());
        self
    }

    fn unless<T: PartialEq + Into<Value>>(&mut self, default: &T, name: &str, value: T) -> &mut Self {
        if value != *default {
            self.put(name, value);
        }
        self
    }

    fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    fn done(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_text_is_sorted_and_tight() {
        let value: Value = serde_json::from_str(r#"{"b": [1.10, true, null], "a": {"é": "x\ny", "Z": 1e3}}"#)
            .expect("is JSON");
        assert_eq!(write(&value), r#"{"a":{"Z":1e+3,"é":"x\ny"},"b":[1.10,true,null]}"#);
        assert_eq!(write(&json!([])), "[]");
    }
}
