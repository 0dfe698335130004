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

    /// Everything that does not fit: JSON pointer into the properties, and what is wrong.
    pub fn problems(&self, properties: &Value) -> Vec<(String, String)> {
        self.0
            .validator
            .iter_errors(properties)
            .map(|error| (error.instance_path().to_string(), error.to_string()))
            .collect()
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
