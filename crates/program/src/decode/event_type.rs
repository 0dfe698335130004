//! `event_type/KEY`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Reader, View, settings::ON_UNKNOWN};
use crate::{
    Key,
    document::tree::{Node, Tree},
    kinds::event_type::{AcceptFrom, EventType, OnUnknown},
    schema::{self, Lookup, SchemaFault, Validator},
};

pub(crate) const FIELDS: &[&str] =
    &["description", "name", "accept_from", "unique_by", "unknown_fields", "schema"];

/// The words for who may send an event.
pub(crate) const ACCEPT_FROM: &[(&str, AcceptFrom)] =
    &[("server", AcceptFrom::Server), ("browser", AcceptFrom::Browser)];

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>, key: &Key) -> Option<EventType> {
    let fields = spec.fields(reader, "an event type", FIELDS)?;
    let name = fields.or("name", key.as_str(), |view| view.short_text(reader, 200));
    let schema = match fields.get("schema") {
        None => Validator::compile(&Value::Object(Map::new())).ok(),
        Some(view) => schema(reader, &view),
    };
    let unknown_fields = fields.or("unknown_fields", OnUnknown::Accept, |view| view.word(reader, ON_UNKNOWN));
    let accept_from = fields.or("accept_from", AcceptFrom::Server, |view| view.word(reader, ACCEPT_FROM));
    let unique_by = fields.optional("unique_by", |view| {
        let path = view.property_path(reader)?;
        match &schema {
            Some(validator) => unique_path(reader, view, validator.schema(), path),
            None => Some(path),
        }
    });
    let description = fields.description();
    fields.all_known()?;
    let validator = schema?;
    Some(EventType {
        name: Arc::from(name?),
        schema: validator.schema().clone(),
        validator,
        unknown_fields: unknown_fields?,
        accept_from: accept_from?,
        unique_by: unique_by?,
        description: description?,
    })
}

/// The schema of an event type that is faulty elsewhere, if it is sound itself: what stands on the event type can be
/// checked all the same.
pub(crate) fn sound_schema(spec: &View<'_>) -> Option<Value> {
    let unheard = Reader::new(None, None);
    let view = spec.fields(&unheard, "an event type", FIELDS)?.get("schema")?;
    schema(&unheard, &view).map(|validator| validator.schema().clone())
}

/// Reads and compiles a schema; its faults are put where they stand in it.
fn schema(reader: &Reader<'_>, view: &View<'_>) -> Option<Validator> {
    if !matches!(view.node.tree, Tree::Map(_)) {
        view.wrong_type(reader, "a JSON Schema: an object");
        return None;
    }
    match Validator::compile(&view.node.to_json()) {
        Ok(validator) => Some(validator),
        Err(faults) => {
            for SchemaFault { path, code, message, help } in faults {
                let at = descend(view, &path);
                reader.fault(&at, code, message, help);
            }
            None
        }
    }
}

/// The value at a path below `view`, as far as it exists.
fn descend<'a>(view: &View<'a>, path: &[String]) -> View<'a> {
    let mut at = view.clone();
    for step in path {
        let child: Option<&'a Node> = match &at.node.tree {
            Tree::Map(_) => at.node.field(step),
            Tree::List(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => None,
        };
        let Some(child) = child else { break };
        at = at.step(step, child);
    }
    at
}

fn unique_path(
    reader: &Reader<'_>,
    view: &View<'_>,
    schema: &Value,
    path: Vec<String>,
) -> Option<Vec<String>> {
    use crate::expression::ValueType::{Any, Decimal, Int, String, Timestamp};
    match schema::lookup(schema, &path) {
        Lookup::Open => Some(path),
        Lookup::Named(named) if matches!(named.of_type, Any | Decimal | Int | String | Timestamp) => {
            Some(path)
        }
        Lookup::Named(_) => {
            let message = format!("`properties.{}` is neither a text nor a number", path.join("."));
            let help = "Name a property that tells one event from another, such as an order's id.";
            reader.fault(view, "bad_path", message, help);
            None
        }
        Lookup::Absent => {
            absent_path(reader, view, schema, &path);
            None
        }
    }
}

/// Notes that the schema does not name a path.
pub(crate) fn absent_path(reader: &Reader<'_>, view: &View<'_>, schema: &Value, path: &[String]) {
    let paths = schema::named_paths(schema);
    let wanted = path.join(".");
    let message = format!("the event's schema has no property `{wanted}`");
    let help = match super::did_you_mean(&wanted, paths.iter().map(String::as_str)) {
        Some(meant) => format!("Did you mean `properties.{meant}`?"),
        None if paths.is_empty() => "The schema names no properties; add this one.".into(),
        None => format!("It has {}; or add this one to the schema.", super::suggest::listing(&paths)),
    };
    reader.fault(view, "bad_path", message, help);
}
