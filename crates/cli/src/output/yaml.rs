//! JSON as YAML: block style, text quoted wherever YAML could read it as something else.

use serde_json::Value;

/// Writes a value as a YAML document.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => block(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => block(value, 0, &mut out),
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                out.push_str(&pad);
                out.push_str(&text(name));
                out.push(':');
                child(value, indent + 2, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                out.push_str(&pad);
                out.push('-');
                if is_block(item) {
                    // The first field stands on the dash's line.
                    let mut inner = String::new();
                    block(item, indent + 2, &mut inner);
                    out.push(' ');
                    out.push_str(inner.trim_start_matches(' '));
                } else {
                    child(item, indent + 2, out);
                }
            }
        }
        other => out.push_str(&scalar(other)),
    }
}

fn child(value: &Value, indent: usize, out: &mut String) {
    if is_block(value) {
        out.push('\n');
        block(value, indent, out);
    } else {
        out.push(' ');
        out.push_str(&scalar(value));
        out.push('\n');
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(content) => text(content),
        other => other.to_string(),
    }
}

/// Plain where that is beyond doubt; else in JSON's quotes, which are YAML's too.
fn text(content: &str) -> String {
    let plain = content.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && content.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' '))
        && !content.ends_with(' ')
        && !matches!(
            content.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { content.to_owned() } else { Value::from(content).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_reads_back_as_what_was_written() {
        let value = json!({
            "data": [
                {"name": "live", "on": true, "spec": {"limits": [{"count": 1}, [1, 2]], "empty": {}}},
                "no", "12", "a: b", "#x", "", "-", "line\nbreak", null, 1.10, [], {"deep": [[{"x": 1}]]},
            ],
            "yes": "größer", "ok text": "plain text",
        });
        let written = write(&value);
        let (nodes, faults) = program::document::parse::parse(&written);
        assert!(faults.is_empty(), "{faults:?}\n{written}");
        assert_eq!(nodes[0].to_json(), value, "{written}");
        assert_eq!(write(&json!("x")), "x\n");
        assert_eq!(write(&json!([])), "[]\n");
    }
}
