//! Writing a program as files for people: one object a file, one folder a kind, the same text every time.

mod origin;
mod yaml;

pub use origin::{ORIGIN_FILE, Origin, OriginFault};

use serde_json::Value;

use crate::{Address, Bundle, Kind, decode::fields_of};

/// The files of a bundle, sorted by name: `(file name, text)`. Reading them gives the same bundle again.
pub fn files(bundle: &Bundle) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> =
        bundle.specs.iter().map(|(address, spec)| (file_of(address), document(address, spec))).collect();
    files.sort();
    files
}

/// The file an object is written to: `reactors/points_for_orders.yaml`.
pub fn file_of(address: &Address) -> String {
    let folder = match address.kind {
        Kind::Settings => return "settings.yaml".into(),
        Kind::Constant => "constants",
        Kind::Secret => "secrets",
        Kind::EventType => "event_types",
        Kind::Trait => "traits",
        Kind::Metric => "metrics",
        Kind::Audience => "audiences",
        Kind::Currency => "currencies",
        Kind::Reactor => "reactors",
    };
    format!("{folder}/{}.yaml", address.key)
}

/// One object as a YAML document.
pub fn document(address: &Address, spec: &str) -> String {
    let mut text = format!("kind: {}\nkey: {}\n", address.kind, address.key);
    // A bundle's specs are canonical JSON; an empty one needs no line.
    let value: Value = serde_json::from_str(spec).unwrap_or(Value::Null);
    if value.as_object().is_some_and(|fields| !fields.is_empty()) {
        text.push_str("spec:");
        yaml::write(&value, fields_of(address.kind), &mut text);
    }
    text
}
