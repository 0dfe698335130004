//! What decisions depend on besides the profile and the input: an epoch, compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use program::{Key, Program, expression::Value};

use crate::Profile;
pub use crate::index::Index;

/// The rules of an epoch.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The control stream's position.
    pub epoch: u64,
    /// The head, compiled.
    pub program: Arc<Program>,
    /// When the head became this manifest: upgrades count as of then.
    pub since: Timestamp,
    /// Whether upgrades to this manifest set off reactors on entering and leaving.
    pub react_on_upgrade: bool,
    /// Constants as bound, defaults filled in.
    pub constants: BTreeMap<Key, Value>,
    /// Reactors switched off in this environment.
    pub switched_off: BTreeSet<Key>,
    /// Whether this is a live environment (decides the default for unknown events).
    pub live: bool,
    /// What is worked out from the program once; epochs of the same program may share it.
    pub index: Arc<Index>,
}

impl Rules {
    /// Whether this profile must be upgraded before anything else is decided for it. A new profile needs
    /// none: its first record takes the manifest.
    pub fn needs_upgrade(&self, profile: &Profile) -> bool {
        profile.n > 0 && profile.manifest != self.program.manifest.0
    }

    /// Whether that upgrade must be given the profile's history: a metric that wants backfill is new to it
    /// or has been redefined.
    pub fn needs_history(&self, profile: &Profile) -> bool {
        profile.is_active()
            && profile.manifest != self.program.manifest.0
            && self.program.metrics.iter().any(|(key, metric)| {
                metric.begin == program::kinds::metric::Begin::Backfill
                    && self
                        .index
                        .fingerprint(key.as_str())
                        .is_some_and(|now| Index::is_new(profile, key, now))
            })
    }
}

/// The program's schedules, for the environment's due work: each reactor that begins or ends, with when.
pub fn program_schedules(program: &Program) -> Vec<(program::Address, Option<Timestamp>, Option<Timestamp>)> {
    program
        .reactors
        .iter()
        .filter(|(_, reactor)| reactor.from.is_some() || reactor.until.is_some())
        .map(|(key, reactor)| {
            (program::Address::new(program::Kind::Reactor, key.clone()), reactor.from, reactor.until)
        })
        .collect()
}
