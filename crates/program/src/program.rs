//! A bundle compiled for execution.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Key, ManifestHash,
    kinds::{
        audience::Audience, constant::Constant, currency::Currency, event_type::EventType, metric::Metric,
        profile_trait::Trait, reactor::Reactor, settings::Settings,
    },
};

/// A revision's manifest compiled for execution: typed, indexed, immutable.
#[derive(Clone, Debug)]
pub struct Program {
    /// Which manifest it was compiled from.
    pub manifest: ManifestHash,
    /// Policy.
    pub settings: Settings,
    /// By key.
    pub constants: BTreeMap<Key, Constant>,
    /// By key.
    pub event_types: BTreeMap<Key, EventType>,
    /// Name on the wire to key.
    pub event_names: BTreeMap<Arc<str>, Key>,
    /// By key.
    pub traits: BTreeMap<Key, Trait>,
    /// By key.
    pub metrics: BTreeMap<Key, Metric>,
    /// A short fingerprint (first 8 bytes of the spec hash) of each metric: tells whether it was redefined.
    pub metric_fingerprints: BTreeMap<Key, u64>,
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
    /// Compiles a bundle. All faults together; a bundle that came out of [`crate::document::read`] and was
    /// checked has none.
    pub fn compile(bundle: &crate::Bundle) -> Result<Self, Vec<crate::Fault>> {
        unimplemented!()
    }
}
