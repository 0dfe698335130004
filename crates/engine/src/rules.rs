//! What decisions depend on besides the profile and the input: an epoch, compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use program::{Key, Program, expression::Value};
use sha2::{Digest, Sha256};

use crate::Profile;
pub use crate::index::Index;

/// The rules of an epoch.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The control stream's position.
    pub epoch: u64,
    /// The head, compiled.
    pub program: Arc<Program>,
    /// What a profile stands on: the manifest, with the values of the constants that audiences read. A profile
    /// that stands on another one must be upgraded ([`basis`]).
    pub basis: [u8; 32],
    /// When this basis came into force: upgrades count as of then.
    pub since: Timestamp,
    /// Whether upgrades to it set off reactors on entering and leaving.
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
    /// none: its first record takes the basis. One that was merged into another or erased stands on nothing.
    pub fn needs_upgrade(&self, profile: &Profile) -> bool {
        profile.n > 0 && profile.is_active() && profile.basis != self.basis
    }

    /// Whether that upgrade must be given the profile's history: a metric that wants backfill is new to it
    /// or has been redefined.
    pub fn needs_history(&self, profile: &Profile) -> bool {
        profile.is_active()
            && profile.basis != self.basis
            && self.program.metrics.iter().any(|(key, metric)| {
                metric.begin == program::kinds::metric::Begin::Backfill
                    && self
                        .index
                        .fingerprint(key.as_str())
                        .is_some_and(|now| Index::is_new(profile, key, now))
            })
    }
}

/// What profiles stand on under a program with these constants: the manifest's hash; where audiences read
/// constants, SHA-256 over it and their values, so that binding one anew works memberships out again.
pub fn basis(program: &Program, index: &Index, constants: &BTreeMap<Key, Value>) -> [u8; 32] {
    if index.constants_of_audiences.is_empty() {
        return program.manifest.0;
    }
    let mut hasher = Sha256::new().chain_update(b"basis").chain_update(program.manifest.0);
    for key in &index.constants_of_audiences {
        let value = constants.get(key).map_or(serde_json::Value::Null, Value::to_json).to_string();
        for part in [key.as_str(), &value] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().into()
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
