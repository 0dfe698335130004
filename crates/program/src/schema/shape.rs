//! What a schema says of the types of properties.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::expression::ValueType;

/// References and nesting are followed this deep; what lies deeper is open.
const DEPTH_MAX: usize = 16;

/// What a schema says of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It names it.
    Named(Named),
    /// It does not name it, and names nothing beside it either (or leaves the place open on purpose).
    Open,
    /// It does not name it, though it names others there, or allows no others.
    Absent,
}

/// A property that a schema names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its type in expressions.
    pub of_type: ValueType,
    /// Whether every valid event has it.
    pub always: bool,
    /// Whether it is a decimal in a text (`format: decimal`).
    pub decimal_text: bool,
}

/// Looks up a path below `properties`.
pub fn lookup<S: AsRef<str>>(schema: &Value, path: &[S]) -> Lookup {
    let mut at = Some(schema);
    let mut always = true;
    for step in path {
        let Some(object) = at.and_then(|at| resolve(schema, at)) else { return Lookup::Open };
        let names = object.get("properties").and_then(Value::as_object);
        if let Some(child) = names.and_then(|names| names.get(step.as_ref())) {
            always &= required_in(object).any(|name| name == step.as_ref());
            at = Some(child);
            continue;
        }
        let has_names = names.is_some_and(|names| !names.is_empty());
        return if closed(object) || (has_names && !may_have_others(object)) {
            Lookup::Absent
        } else {
            Lookup::Open
        };
    }
    let Some(found) = at.and_then(|at| resolve(schema, at)) else {
        return Lookup::Named(Named { of_type: ValueType::Any, always: false, decimal_text: false });
    };
    let (of_type, nullable) = value_type(schema, found, 0);
    let decimal_text = of_type == ValueType::Decimal && has_type(found, "string");
    // A null counts as absent.
    Lookup::Named(Named { of_type, always: always && !nullable, decimal_text })
}

/// Every path that is named, dotted, in order; for suggestions.
pub fn named_paths(schema: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    collect(schema, schema, "", 0, &mut paths);
    paths
}

/// The properties that an event must have.
pub fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.as_object().into_iter().flat_map(required_in)
}

fn collect(root: &Value, schema: &Value, prefix: &str, depth: usize, paths: &mut Vec<String>) {
    let names = resolve(root, schema).and_then(|object| object.get("properties")).and_then(Value::as_object);
    let Some(names) = names.filter(|_| depth < DEPTH_MAX && paths.len() < 1000) else { return };
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    for (name, child) in sorted {
        let path = format!("{prefix}{name}");
        collect(root, child, &format!("{path}."), depth + 1, paths);
        paths.push(path);
    }
}

fn required_in(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether it allows properties by rule rather than by name.
pub(super) fn may_have_others(object: &Map<String, Value>) -> bool {
    let by_rule = ["patternProperties", "allOf", "anyOf", "oneOf", "if", "$dynamicRef"];
    by_rule.iter().any(|keyword| object.contains_key(*keyword))
        || object.get("additionalProperties").is_some_and(Value::is_object)
}

fn closed(object: &Map<String, Value>) -> bool {
    ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|keyword| object.get(*keyword) == Some(&Value::Bool(false)))
}

/// Follows local references.
pub(super) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Map<String, Value>> {
    let mut at = schema;
    for _ in 0..DEPTH_MAX {
        let object = at.as_object()?;
        match object.get("$ref").and_then(Value::as_str) {
            None => return Some(object),
            Some(target) => at = root.pointer(target.strip_prefix('#')?)?,
        }
    }
    None
}

fn has_type(object: &Map<String, Value>, word: &str) -> bool {
    match object.get("type") {
        Some(Value::String(only)) => only == word,
        Some(Value::Array(several)) => several.iter().any(|one| one == word),
        _ => false,
    }
}

/// The type, and whether it may be null.
fn value_type(root: &Value, object: &Map<String, Value>, depth: usize) -> (ValueType, bool) {
    if depth >= DEPTH_MAX {
        return (ValueType::Any, true);
    }
    let words: Vec<&str> = match object.get("type") {
        Some(Value::String(word)) => vec![word],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        _ if all_texts(object) => return (ValueType::String, false),
        _ => return (ValueType::Any, true),
    };
    let nullable = words.contains(&"null");
    let mut others = words.into_iter().filter(|word| *word != "null");
    let (Some(word), None) = (others.next(), others.next()) else {
        return (ValueType::Any, true);
    };
    let of_type = match word {
        "boolean" => ValueType::Bool,
        "integer" => ValueType::Int,
        "number" => ValueType::Decimal,
        "string" => match object.get("format").and_then(Value::as_str) {
            Some("date-time") => ValueType::Timestamp,
            Some("decimal") => ValueType::Decimal,
            _ => ValueType::String,
        },
        "array" => {
            let items = object.get("items").and_then(|items| resolve(root, items));
            let (item, nullable) =
                items.map_or((ValueType::Any, true), |items| value_type(root, items, depth + 1));
            ValueType::List(Box::new(if nullable { ValueType::Any } else { item }))
        }
        "object" => object_type(root, object, depth),
        _ => ValueType::Any,
    };
    (of_type, nullable)
}

fn object_type(root: &Value, object: &Map<String, Value>, depth: usize) -> ValueType {
    let Some(names) = object.get("properties").and_then(Value::as_object) else { return ValueType::Any };
    let fields: BTreeMap<Arc<str>, (ValueType, bool)> = names
        .iter()
        .map(|(name, child)| {
            let (of_type, nullable) = resolve(root, child)
                .map_or((ValueType::Any, true), |child| value_type(root, child, depth + 1));
            let always = !nullable && required_in(object).any(|required| required == name);
            (name.as_str().into(), (of_type, always))
        })
        .collect();
    ValueType::Object(fields)
}

/// Without a `type`: whether what `const` or `enum` allow is all texts.
fn all_texts(object: &Map<String, Value>) -> bool {
    match (object.get("const"), object.get("enum")) {
        (Some(value), _) => value.is_string(),
        (None, Some(Value::Array(values))) => !values.is_empty() && values.iter().all(Value::is_string),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["order_id", "total", "shipping"],
            "properties": {
                "order_id": {"type": "string"},
                "total": {"type": "string", "format": "decimal"},
                "quantity": {"type": "integer"},
                "placed_at": {"type": "string", "format": "date-time"},
                "coupon": {"type": ["string", "null"]},
                "channel": {"enum": ["web", "shop"]},
                "shipping": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["fee"],
                    "properties": {"fee": {"$ref": "#/$defs/money"}}
                },
                "lines": {"type": "array", "items": {
                    "type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}
                }},
                "extra": {"type": "object"}
            },
            "$defs": {"money": {"type": "number", "minimum": 0}}
        })
    }

    #[test]
    fn paths_have_types() {
        let named = |of_type, always, decimal_text| Lookup::Named(Named { of_type, always, decimal_text });
        let line = BTreeMap::from([("sku".into(), (ValueType::String, true))]);
        for (path, expected) in [
            ("order_id", named(ValueType::String, true, false)),
            ("total", named(ValueType::Decimal, true, true)),
            ("quantity", named(ValueType::Int, false, false)),
            ("placed_at", named(ValueType::Timestamp, false, false)),
            ("coupon", named(ValueType::String, false, false)),
            ("channel", named(ValueType::String, false, false)),
            ("shipping.fee", named(ValueType::Decimal, true, false)),
            ("shipping.tax", Lookup::Absent),
            ("lines", named(ValueType::List(Box::new(ValueType::Object(line))), false, false)),
            ("extra.anything", Lookup::Open),
            ("totel", Lookup::Absent),
        ] {
            let steps: Vec<&str> = path.split('.').collect();
            assert_eq!(lookup(&schema(), &steps), expected, "{path}");
        }
        assert_eq!(lookup(&json!({}), &["total"]), Lookup::Open);
        assert_eq!(lookup(&json!({"additionalProperties": false}), &["total"]), Lookup::Absent);
        let circle = json!({"properties": {"a": {"$ref": "#/properties/a"}}});
        let any = Named { of_type: ValueType::Any, always: false, decimal_text: false };
        assert_eq!(lookup(&circle, &["a"]), Lookup::Named(any));
    }
}
