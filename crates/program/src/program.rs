//! A bundle compiled for execution.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Address, Bundle, Fault, Key, ManifestHash, SpecHash, canonical,
    check::{self, Document},
    decode::View,
    document::tree::Node,
    kinds::{
        Object, Spec,
        audience::Audience,
        constant::Constant,
        currency::Currency,
        event_type::EventType,
        metric::Metric,
        profile_trait::Trait,
        reactor::{Reactor, Trigger},
        secret::Secret,
        settings::Settings,
    },
};

/// A revision's manifest compiled for execution: typed, indexed, immutable.
#[derive(Clone, Debug)]
pub struct Program {
    /// Which manifest it was compiled from.
    pub manifest: ManifestHash,
    /// That manifest: each object's address, and the hash of its spec.
    pub specs: BTreeMap<Address, SpecHash>,
    /// Policy.
    pub settings: Settings,
    /// By key.
    pub constants: BTreeMap<Key, Constant>,
    /// By key.
    pub secrets: BTreeMap<Key, Secret>,
    /// By key.
    pub event_types: BTreeMap<Key, EventType>,
    /// Name on the wire to key.
    pub event_names: BTreeMap<Arc<str>, Key>,
    /// By key.
    pub traits: BTreeMap<Key, Trait>,
    /// By key.
    pub metrics: BTreeMap<Key, Metric>,
    /// By key.
    pub audiences: BTreeMap<Key, Audience>,
    /// Audience keys such that each comes after those its condition refers to.
    pub audience_order: Vec<Key>,
    /// By key.
    pub currencies: BTreeMap<Key, Currency>,
    /// By priority (higher first), then key.
    pub reactors: Vec<(Key, Reactor)>,
    /// Event type key to indexes into `reactors`, in order.
    pub reactors_by_event: BTreeMap<Key, Vec<usize>>,
    /// Audience key to indexes of reactors on entering.
    pub reactors_by_entered: BTreeMap<Key, Vec<usize>>,
    /// Audience key to indexes of reactors on leaving.
    pub reactors_by_left: BTreeMap<Key, Vec<usize>>,
    /// Event type key to metric keys that count it.
    pub metrics_by_event: BTreeMap<Key, Vec<Key>>,
}

impl Program {
    /// Compiles a bundle. All faults together; a bundle that came out of [`crate::document::load`] has none.
    pub fn compile(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        let objects = objects_of(bundle)?;
        let manifest = bundle.manifest();
        let mut program = Self::empty(ManifestHash::of(&manifest));
        let mut reactors = BTreeMap::new();
        for Object { key, spec } in objects {
            match spec {
                Spec::Settings(settings) => program.settings = settings,
                Spec::Constant(constant) => drop(program.constants.insert(key, constant)),
                Spec::Secret(secret) => drop(program.secrets.insert(key, secret)),
                Spec::EventType(event_type) => {
                    program.event_names.insert(Arc::clone(&event_type.name), key.clone());
                    program.event_types.insert(key, *event_type);
                }
                Spec::Trait(declared) => drop(program.traits.insert(key, declared)),
                Spec::Metric(metric) => {
                    program.metrics_by_event.entry(metric.event.clone()).or_default().push(key.clone());
                    program.metrics.insert(key, metric);
                }
                Spec::Audience(audience) => drop(program.audiences.insert(key, audience)),
                Spec::Currency(currency) => drop(program.currencies.insert(key, currency)),
                Spec::Reactor(reactor) => drop(reactors.insert(key, *reactor)),
            }
        }
        let references =
            program.audiences.iter().map(|(key, audience)| (key, &audience.condition.references)).collect();
        // Circles have been refused with the other faults.
        program.audience_order = check::audience_order(&references).unwrap_or_default();
        program.index(reactors);
        program.specs = manifest;
        Ok(program)
    }

    fn empty(manifest: ManifestHash) -> Self {
        Self {
            manifest,
            specs: BTreeMap::new(),
            settings: Settings::default(),
            constants: BTreeMap::new(),
            secrets: BTreeMap::new(),
            event_types: BTreeMap::new(),
            event_names: BTreeMap::new(),
            traits: BTreeMap::new(),
            metrics: BTreeMap::new(),
            audiences: BTreeMap::new(),
            audience_order: Vec::new(),
            currencies: BTreeMap::new(),
            reactors: Vec::new(),
            reactors_by_event: BTreeMap::new(),
            reactors_by_entered: BTreeMap::new(),
            reactors_by_left: BTreeMap::new(),
            metrics_by_event: BTreeMap::new(),
        }
    }

    fn index(&mut self, reactors: BTreeMap<Key, Reactor>) {
        self.reactors = reactors.into_iter().collect();
        // The sort is stable: equal priorities stay in the order of their keys.
        self.reactors.sort_by_key(|(_, reactor)| std::cmp::Reverse(reactor.priority));
        for (i, (_, reactor)) in self.reactors.iter().enumerate() {
            let (index, key) = match &reactor.trigger {
                Trigger::Event(key) => (&mut self.reactors_by_event, key),
                Trigger::AudienceEntered(key) => (&mut self.reactors_by_entered, key),
                Trigger::AudienceLeft(key) => (&mut self.reactors_by_left, key),
            };
            index.entry(key.clone()).or_default().push(i);
        }
    }
}

/// Decodes and checks a bundle's objects. Text that is not the canonical form of what it says is a fault:
/// the same object would have two hashes.
pub fn objects_of(bundle: &Bundle) -> Result<Vec<Object>, Vec<Fault>> {
    let mut faults = Vec::new();
    let nodes: Vec<(&Address, Node)> = bundle
        .specs
        .iter()
        .filter_map(|(address, text)| match node(text) {
            Ok(node) => Some((address, node)),
            Err((code, message)) => {
                faults.push(stored(address, code, &message));
                None
            }
        })
        .collect();
    let documents: Vec<Document<'_>> = nodes
        .iter()
        .map(|(address, node)| Document {
            address: (*address).clone(),
            source: None,
            begins: node.at,
            spec: View::new(node, "/spec".into()),
        })
        .collect();
    let objects = check::check(&documents, &mut faults);
    for object in &objects {
        let address = object.address();
        let text = bundle.specs.get(&address);
        if text.is_some_and(|text| **text != *canonical::encode(&object.key, &object.spec)) {
            faults.push(stored(&address, "not_canonical", "the stored spec is not in canonical form"));
        }
    }
    if faults.is_empty() {
        return Ok(objects);
    }
    faults.sort();
    faults.dedup();
    Err(faults)
}

/// Reads a stored spec; says why it cannot.
fn node(text: &str) -> Result<Node, (&'static str, String)> {
    let value = serde_json::from_str(text)
        .map_err(|error| ("syntax", format!("the stored spec is not JSON: {error}")))?;
    Node::from_json(&value).map_err(|why| ("out_of_range", format!("a number in the stored spec {why}")))
}

fn stored(address: &Address, code: &'static str, message: &str) -> Fault {
    Fault {
        position: None,
        address: Some(address.clone()),
        pointer: "/spec".into(),
        code,
        message: message.into(),
        help: Some("Take it from its documents, or from the environment it came from, again.".into()),
    }
}
