//! What a program declares, as far as it is sound.

use std::collections::{BTreeMap, BTreeSet};

use super::{EventContext, ExpressionScope};
use crate::{
    Address, Key, Kind,
    decode::{Reader, View, did_you_mean},
    expression::{Declared, ValueType},
    kinds::{Spec, metric::Aggregate},
};

/// Everything declared by name; and of what decoded well, the types.
#[derive(Debug)]
pub(crate) struct Declarations {
    addresses: BTreeSet<Address>,
    /// The schemas of event types' properties.
    pub(crate) schemas: BTreeMap<Key, serde_json::Value>,
    pub(crate) traits: BTreeMap<Key, ValueType>,
    pub(crate) constants: BTreeMap<Key, ValueType>,
    pub(crate) metrics: BTreeMap<Key, Declared>,
}

impl Declarations {
    pub(crate) fn new(addresses: impl IntoIterator<Item = Address>) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            schemas: BTreeMap::new(),
            traits: BTreeMap::new(),
            constants: BTreeMap::new(),
            metrics: BTreeMap::new(),
        }
    }

    /// Takes in what a sound object declares.
    pub(crate) fn learn(&mut self, key: &Key, spec: &Spec) {
        match spec {
            Spec::EventType(event_type) => {
                self.schemas.insert(key.clone(), event_type.schema.clone());
            }
            Spec::Trait(declared) => {
                self.traits.insert(key.clone(), declared.of_type.clone());
            }
            Spec::Constant(constant) => {
                self.constants.insert(key.clone(), constant.of_type.clone());
            }
            Spec::Metric(metric) => {
                // Before the first event, counts and sums are 0 and the others are not there.
                let always = matches!(metric.aggregate, Aggregate::Count | Aggregate::Sum);
                let of_type = metric.value_type.clone();
                self.metrics.insert(key.clone(), Declared { of_type, always });
            }
            _ => {}
        }
    }

    /// Takes in the schema of an event type that is faulty elsewhere.
    pub(crate) fn learn_schema(&mut self, key: &Key, schema: serde_json::Value) {
        self.schemas.insert(key.clone(), schema);
    }

    /// What expressions may read.
    pub(crate) const fn scope<'a>(&'a self, event: EventContext<'a>) -> ExpressionScope<'a> {
        ExpressionScope::new(self, event)
    }

    pub(crate) fn has(&self, kind: Kind, key: &str) -> bool {
        Key::new(key).is_ok_and(|key| self.addresses.contains(&Address::new(kind, key)))
    }

    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.addresses.iter().filter(move |address| address.kind == kind).map(|address| address.key.as_str())
    }

    /// Reads the key of a declared object.
    pub(crate) fn reference(&self, reader: &Reader<'_>, view: &View<'_>, kind: Kind) -> Option<Key> {
        let text = view.text(reader)?;
        if self.has(kind, text) {
            return Key::new(text).ok();
        }
        let names: Vec<&str> = self.names(kind).collect();
        let bare = text.strip_prefix(kind.as_str()).and_then(|rest| rest.strip_prefix('/'));
        let help = match did_you_mean(bare.unwrap_or(text), names.iter().copied()) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None if names.is_empty() => {
                format!("No {kind} is declared; add a document with `kind: {kind}` and `key: {text}`.")
            }
            None => format!("Declared: {}.", crate::decode::listing(&names)),
        };
        reader.fault(view, "bad_reference", format!("there is no `{kind}/{text}`"), help);
        None
    }
}
