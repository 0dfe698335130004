//! Properties that a schema does not name.

use serde_json::{Map, Value};

use super::shape::{may_have_others, resolve};
use crate::document::parse::push_step;

/// JSON pointers to the properties that the schema does not name, in order. An object of which the schema
/// names no property at all is free inside (except the outermost), and so is one for which it gives rules
/// instead of names (`patternProperties`, a schema of `additionalProperties`, `anyOf` and the like).
pub fn unnamed(schema: &Value, properties: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    match resolve(schema, schema) {
        Some(object) if !object.contains_key("properties") && !may_have_others(object) => {
            found.extend(properties.keys().map(|name| pointer("", name)));
        }
        _ => walk(schema, schema, properties, "", &mut found),
    }
    found.sort();
    found
}

fn pointer(prefix: &str, name: &str) -> String {
    let mut pointer = prefix.to_owned();
    push_step(&mut pointer, name);
    pointer
}

fn walk(root: &Value, schema: &Value, given: &Map<String, Value>, prefix: &str, found: &mut Vec<String>) {
    let Some(object) = resolve(root, schema) else { return };
    let Some(names) = object.get("properties").and_then(Value::as_object) else { return };
    let free = may_have_others(object);
    for (name, value) in given {
        match names.get(name) {
            None if free => {}
            None => found.push(pointer(prefix, name)),
            Some(child) => inside(root, child, value, &pointer(prefix, name), found),
        }
    }
}

fn inside(root: &Value, schema: &Value, value: &Value, prefix: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => walk(root, schema, fields, prefix, found),
        Value::Array(items) => {
            let Some(schema) = resolve(root, schema).and_then(|object| object.get("items")) else { return };
            for (i, item) in items.iter().enumerate() {
                inside(root, schema, item, &pointer(prefix, &i.to_string()), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_named_is_found() {
        let schema = json!({
            "properties": {
                "total": {},
                "free": {"type": "object"},
                "tags": {"additionalProperties": {"type": "string"}, "properties": {"a": {}}},
                "lines": {"items": {"$ref": "#/$defs/line"}}
            },
            "$defs": {"line": {"properties": {"sku": {}}}}
        });
        for (given, expected) in [
            (json!({"total": 1, "totl": 2, "a/b": 3}), vec!["/a~1b", "/totl"]),
            (json!({"free": {"x": 1}, "tags": {"a": "1", "b": "2"}}), vec![]),
            (json!({"lines": [{"sku": 1}, {"sku": 1, "qty": 2}]}), vec!["/lines/1/qty"]),
        ] {
            assert_eq!(unnamed(&schema, given.as_object().expect("an object")), expected);
        }
        let given = json!({"x": 1});
        assert_eq!(unnamed(&json!({}), given.as_object().expect("an object")), ["/x"]);
        let rules = json!({"anyOf": [{"properties": {"x": {}}}]});
        assert_eq!(unnamed(&rules, given.as_object().expect("an object")), Vec::<String>::new());
    }
}
