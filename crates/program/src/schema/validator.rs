//! A schema compiled.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions};
use serde_json::Value;

/// A compiled JSON Schema (2020-12), shared cheaply. Patterns run without backtracking, nothing outside the
/// schema is ever fetched, formats are checked, and `format: decimal` is a text that is an exact decimal.
#[derive(Clone)]
pub struct Validator(Arc<Compiled>);

struct Compiled {
    schema: Value,
    validator: jsonschema::Validator,
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Validator({})", self.0.schema)
    }
}

/// Why a schema is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// Where in the schema.
    pub path: Vec<String>,
    /// Stable word: `bad_schema`, `remote_reference`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// The largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

impl Validator {
    /// Checks a schema and compiles it.
    pub fn compile(schema: &Value) -> Result<Self, Vec<SchemaFault>> {
        let mut faults = Vec::new();
        if !schema.is_object() {
            faults.push(fault(&[], "bad_schema", "a schema of properties is an object", ""));
            return Err(faults);
        }
        if let Some(draft) = schema.get("$schema")
            && draft.as_str().map(|draft| draft.trim_end_matches('#')) != Some(DRAFT)
        {
            let help = format!("Leave `$schema` out, or write `{DRAFT}`.");
            let path = ["$schema".to_owned()];
            faults.push(fault(&path, "bad_schema", "schemas are JSON Schema 2020-12", &help));
            return Err(faults);
        }
        references(schema, &mut Vec::new(), &mut faults);
        for error in jsonschema::draft202012::meta::validator().iter_errors(schema) {
            let path = steps(error.instance_path());
            faults.push(match error.instance().as_str() {
                Some(word) if path.last().is_some_and(|step| step == "type") => unknown_type(&path, word),
                _ => fault(&path, "bad_schema", &format!("not a JSON Schema: {error}"), ""),
            });
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let built = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX))
            .should_validate_formats(true)
            .with_format("decimal", is_decimal_text)
            .build(schema);
        match built {
            Ok(validator) => Ok(Self(Arc::new(Compiled { schema: schema.clone(), validator }))),
            Err(error) => {
                let path = steps(error.instance_path());
                let help =
                    "Patterns have no look-around and no back-references; `$ref` points into this schema.";
                Err(vec![fault(&path, "bad_schema", &format!("the schema does not compile: {error}"), help)])
            }
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Value {
        &self.0.schema
    }

    /// Whether properties fit.
    pub fn is_valid(&self, properties: &Value) -> bool {
        self.0.validator.is_valid(properties)
    }

    /// Everything that does not fit, sorted: JSON pointer into the properties, and what is wrong. The text
    /// quotes the value: it is not for logs.
    pub fn problems(&self, properties: &Value) -> Vec<(String, String)> {
        // Nearly everything fits, and that is told much faster than what does not.
        if self.0.validator.is_valid(properties) {
            return Vec::new();
        }
        let errors = self.0.validator.iter_errors(properties);
        let mut problems: Vec<(String, String)> =
            errors.map(|error| (error.instance_path().to_string(), error.to_string())).collect();
        problems.sort();
        problems
    }
}

/// The commonest mistake deserves better words than the meta-schema has.
fn unknown_type(path: &[String], word: &str) -> SchemaFault {
    const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];
    let message = format!("`{word}` is not a type of JSON Schema");
    let help = match word {
        "decimal" => "Write `type: string` with `format: decimal`, or `type: number`.".to_owned(),
        "timestamp" | "date" | "datetime" => "Write `type: string` with `format: date-time`.".to_owned(),
        word => crate::decode::suggestion(word, &TYPES),
    };
    fault(path, "bad_schema", &message, &help)
}

fn fault(path: &[String], code: &'static str, message: &str, help: &str) -> SchemaFault {
    SchemaFault { path: path.to_vec(), code, message: message.into(), help: help.into() }
}

fn steps(location: &jsonschema::paths::Location) -> Vec<String> {
    location.as_str().split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// References that lead out of the schema, anywhere in it.
fn references(schema: &Value, path: &mut Vec<String>, faults: &mut Vec<SchemaFault>) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                path.push(name.clone());
                match (name.as_str(), value) {
                    // Plain values, whatever they look like.
                    ("const" | "enum" | "default" | "examples", _) => {}
                    ("$ref" | "$dynamicRef", Value::String(target)) if !target.starts_with('#') => {
                        let message = format!("`{target}` lies outside this schema");
                        let help = "Copy what it points to into `$defs` and refer to it as `#/$defs/name`.";
                        faults.push(fault(path, "remote_reference", &message, help));
                    }
                    (_, value) => references(value, path, faults),
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                path.push(i.to_string());
                references(item, path, faults);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Whether a text is an exact decimal as shops send them: `59.99`; at most 28 digits, no exponent.
pub fn is_decimal_text(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && whole.len() + fraction.len() <= 28
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("is JSON")
    }

    fn compile(schema: &Value) -> Validator {
        Validator::compile(schema).expect("compiles")
    }

    #[test]
    fn numbers_are_exact() {
        let cents = compile(&value(r#"{"properties": {"total": {"type": "number", "multipleOf": 0.01}}}"#));
        assert!(cents.is_valid(&value(r#"{"total": 59.99}"#)));
        assert!(cents.is_valid(&value(r#"{"total": 1234567890123456789012.35}"#)));
        assert!(!cents.is_valid(&value(r#"{"total": 1234567890123456789012.355}"#)));
    }

    #[test]
    fn formats_are_checked() {
        let schema = json!({"properties": {
            "total": {"type": "string", "format": "decimal"}, "at": {"format": "date-time"}
        }});
        let validator = compile(&schema);
        for (given, sound) in [
            (json!({"total": "59.99"}), true),
            (json!({"total": "-0.5"}), true),
            (json!({"total": "59,99"}), false),
            (json!({"total": "1e3"}), false),
            (json!({"total": "5."}), false),
            (json!({"total": "12345678901234567890123456789"}), false),
            (json!({"at": "2026-01-01T00:00:00Z"}), true),
            (json!({"at": "yesterday"}), false),
        ] {
            assert_eq!(validator.is_valid(&given), sound, "{given}");
        }
        let problems = validator.problems(&json!({"total": "x", "at": "y"}));
        let pointers: Vec<&str> = problems.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/at", "/total"]);
    }

    #[test]
    fn patterns_do_not_run_for_ever() {
        let validator = compile(&json!({"properties": {"a": {"pattern": "^(a+)+$"}}}));
        assert!(!validator.is_valid(&json!({"a": "a".repeat(30_000) + "!"})));
        assert!(Validator::compile(&json!({"pattern": "a{1000}{1000}{1000}"})).is_err());
    }

    #[test]
    fn every_fault_of_a_schema_has_its_place() {
        let schema = json!({
            "properties": {"a": {"type": "decimal"}, "b": {"minLength": -1}, "c": {"$ref": "other.json"}}
        });
        let faults = Validator::compile(&schema).expect_err("faulty");
        let places: Vec<String> = faults.iter().map(|fault| fault.path.join(".")).collect();
        assert_eq!(places, ["properties.c.$ref", "properties.a.type", "properties.b.minLength"]);
    }
}
