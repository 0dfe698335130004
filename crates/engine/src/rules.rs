//! What decisions depend on besides the profile and the input: an epoch, compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use program::{Key, Program, expression::Value};

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
}
