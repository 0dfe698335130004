//! From documents to checked objects: references resolve, expressions have their types, nothing is there
//! twice, audiences do not go round in circles.

mod audiences;
mod declarations;
mod scope;

pub(crate) use audiences::order as audience_order;
pub(crate) use declarations::Declarations;
pub(crate) use scope::{EventContext, ExpressionScope};

use std::collections::BTreeMap;

use crate::{
    Address, Fault, Key, Kind,
    decode::{self, Reader, Source, View},
    kinds::{Object, Spec},
};

/// A document with its address known.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(crate) address: Address,
    pub(crate) source: Option<Source<'a>>,
    /// Where the document begins.
    pub(crate) begins: crate::document::tree::Mark,
    /// What stands under `spec`.
    pub(crate) spec: View<'a>,
}

/// Decodes and checks documents: the sound objects, and every fault.
pub(crate) fn check(documents: &[Document<'_>], faults: &mut Vec<Fault>) -> Vec<Object> {
    let mut firsts: BTreeMap<&Address, &Document<'_>> = BTreeMap::new();
    for document in documents {
        if let Some(first) = firsts.get(&document.address) {
            faults.push(twice(document, first));
        } else {
            firsts.insert(&document.address, document);
        }
    }
    let mut declared = Declarations::new(firsts.keys().map(|address| (*address).clone()));
    let mut objects = BTreeMap::new();
    // What others build on goes first; audiences and reactors know of each other by name alone.
    for kind in Kind::ALL {
        for document in firsts.values().filter(|document| document.address.kind == kind) {
            let reader = Reader::new(document.source, Some(document.address.clone()));
            let spec = decode_spec(&reader, document, &declared);
            let before = faults.len();
            faults.extend(reader.into_faults());
            if let Some(spec) = spec.filter(|_| faults.len() == before) {
                declared.learn(&document.address.key, &spec);
                objects.insert(document.address.clone(), spec);
            } else if kind == Kind::EventType
                && let Some(schema) = decode::event_type::sound_schema(&document.spec)
            {
                declared.learn_schema(&document.address.key, schema);
            }
        }
    }
    event_names(&objects, &firsts, faults);
    circles(&objects, &firsts, faults);
    objects.into_iter().map(|(address, spec)| Object { key: address.key, spec }).collect()
}

fn decode_spec(reader: &Reader<'_>, document: &Document<'_>, declared: &Declarations) -> Option<Spec> {
    let Document { address, spec, .. } = document;
    let key = &address.key;
    Some(match address.kind {
        Kind::Settings => Spec::Settings(decode::settings::decode(reader, spec)?),
        Kind::Constant => Spec::Constant(decode::constant::decode(reader, spec)?),
        Kind::Secret => Spec::Secret(decode::secret::decode(reader, spec)?),
        Kind::EventType => Spec::EventType(Box::new(decode::event_type::decode(reader, spec, key)?)),
        Kind::Trait => Spec::Trait(decode::traits::decode(reader, spec, key)?),
        Kind::Metric => Spec::Metric(decode::metric::decode(reader, spec, declared)?),
        Kind::Audience => Spec::Audience(decode::audience::decode(reader, spec, declared)?),
        Kind::Currency => Spec::Currency(decode::currency::decode(reader, spec)?),
        Kind::Reactor => Spec::Reactor(Box::new(decode::reactor::decode(reader, spec, declared)?)),
    })
}

fn fault_of(document: &Document<'_>, step: &str, code: &'static str, message: String, help: &str) -> Fault {
    let reader = Reader::new(document.source, Some(document.address.clone()));
    match document.spec.node.field(step) {
        Some(node) => reader.fault(&document.spec.step(step, node), code, message, help),
        None => reader.fault_at(document.begins, "", code, message, help),
    }
    reader.into_faults().remove(0)
}

fn place_of(document: &Document<'_>) -> String {
    match document.source {
        Some(source) => format!("{}:{}:{}", source.name, document.begins.line, document.begins.column),
        None => document.address.to_string(),
    }
}

fn twice(document: &Document<'_>, first: &Document<'_>) -> Fault {
    let message = format!("`{}` is there twice; first at {}", document.address, place_of(first));
    let reader = Reader::new(document.source, Some(document.address.clone()));
    reader.fault_at(document.begins, "", "duplicate_object", message, "Keep one, or give one another key.");
    reader.into_faults().remove(0)
}

/// Each name on the wire belongs to one event type.
fn event_names(
    objects: &BTreeMap<Address, Spec>,
    documents: &BTreeMap<&Address, &Document<'_>>,
    faults: &mut Vec<Fault>,
) {
    let mut names: BTreeMap<&str, &Address> = BTreeMap::new();
    for (address, spec) in objects {
        let Spec::EventType(event_type) = spec else { continue };
        let Some(first) = names.insert(&event_type.name, address) else { continue };
        names.insert(&event_type.name, first);
        let (Some(document), Some(other)) = (documents.get(address), documents.get(first)) else { continue };
        let message =
            format!("the name `{}` is already that of `{first}`, at {}", event_type.name, place_of(other));
        let help = "On the wire events are told apart by name: each event type needs its own.";
        faults.push(fault_of(document, "name", "duplicate_event_name", message, help));
    }
}

/// No audience may rest on itself.
fn circles(
    objects: &BTreeMap<Address, Spec>,
    documents: &BTreeMap<&Address, &Document<'_>>,
    faults: &mut Vec<Fault>,
) {
    let audiences: BTreeMap<&Key, _> = objects
        .iter()
        .filter_map(|(address, spec)| match spec {
            Spec::Audience(audience) => Some((&address.key, &audience.condition.references)),
            _ => None,
        })
        .collect();
    let Err(found) = audience_order(&audiences) else { return };
    for circle in found {
        let Some(first) = circle.first() else { continue };
        let address = Address::new(Kind::Audience, first.clone());
        let Some(document) = documents.get(&address) else { continue };
        let way: Vec<&str> = circle.iter().chain([first]).map(Key::as_str).collect();
        let message = format!("audiences rest on each other in a circle: {}", way.join(" → "));
        let help = "Take one `in_audience` of the circle out, or write its condition out in its place.";
        faults.push(fault_of(document, "condition", "audience_cycle", message, help));
    }
}
