//! From control records to rules: what held at each epoch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use engine::Rules;
use jiff::Timestamp;
use program::{Bundle, Key, ManifestHash, Program, RevisionId, expression::Value};

use super::{Change, ControlRecord, change::unhex};
use crate::{Error, Result, seal::Seal};

/// How an environment's clock is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockSetting {
    /// The machine's time.
    #[default]
    System,
    /// Stands still at this time until it is moved by hand (test environments only).
    Manual(Timestamp),
}

/// What holds at an epoch, before anything is compiled: a fold over control records.
#[derive(Clone, Debug, Default)]
pub struct EpochState {
    /// The control stream's position.
    pub epoch: u64,
    /// The last position at which something changed that plans rest on: head, constants, secrets,
    /// switches. (A new key or a schedule's begin makes no plan stale.)
    pub configured: u64,
    /// The hash that the next control record cites.
    pub tail: String,
    /// When the last record was made.
    pub at: Option<Timestamp>,
    /// The head.
    pub head: Option<RevisionId>,
    /// The head's manifest.
    pub manifest: Option<ManifestHash>,
    /// When the head's manifest became what it is, and whether upgrades to it react.
    pub since: Option<Timestamp>,
    /// Whether upgrades to it react.
    pub react: bool,
    /// Constants, sealed.
    pub constants: BTreeMap<Key, Vec<u8>>,
    /// When each constant was last bound or unbound.
    pub constants_since: BTreeMap<Key, Timestamp>,
    /// Reactors switched off.
    pub switched_off: BTreeSet<Key>,
    /// The clock.
    pub clock: ClockSetting,
}

impl EpochState {
    /// Applies the next record. Checks position and chain.
    pub fn apply(&mut self, record: &ControlRecord, bytes: &[u8]) -> Result<()> {
        if record.n != self.epoch + 1 || record.previous != self.tail {
            return Err(Error::Store(store::Error::Damaged {
                what: format!("control record {}", record.n),
                detail: format!("it does not follow record {} (position or previous hash)", self.epoch),
            }));
        }
        self.epoch = record.n;
        self.at = Some(record.at);
        self.tail = ControlRecord::hash(bytes);
        if matches!(
            record.change,
            Change::HeadMoved { .. }
                | Change::ConstantSet { .. }
                | Change::ConstantUnset { .. }
                | Change::SecretChanged { .. }
                | Change::Switched { .. }
        ) {
            self.configured = record.n;
        }
        match &record.change {
            Change::HeadMoved { revision, manifest, react, .. } => {
                if self.manifest != Some(*manifest) {
                    self.since = Some(record.at);
                    self.react = *react;
                }
                self.head = Some(*revision);
                self.manifest = Some(*manifest);
            }
            Change::ConstantSet { key, sealed } => {
                let sealed = unhex(sealed).ok_or_else(|| Error::Sealed(format!("constant `{key}`")))?;
                self.constants.insert(key.clone(), sealed);
                self.constants_since.insert(key.clone(), record.at);
            }
            Change::ConstantUnset { key } => {
                self.constants.remove(key);
                self.constants_since.insert(key.clone(), record.at);
            }
            Change::Switched { reactor, on: true } => {
                self.switched_off.remove(reactor);
            }
            Change::Switched { reactor, on: false } => {
                self.switched_off.insert(reactor.clone());
            }
            Change::ClockSet { now } => {
                self.clock = now.map_or(ClockSetting::System, ClockSetting::Manual);
            }
            Change::Born { .. }
            | Change::SecretChanged { .. }
            | Change::ScheduleReached { .. }
            | Change::KeyChanged { .. }
            | Change::MasterKeyChanged
            | Change::Restored { .. } => {}
        }
        Ok(())
    }
}

/// Every epoch of an environment, compiled on demand and kept.
pub struct Epochs {
    store: Arc<dyn store::Environment>,
    seal: Seal,
    live: bool,
    programs: Mutex<BTreeMap<ManifestHash, Arc<Program>>>,
    states: Mutex<Vec<Arc<EpochState>>>,
    rules: Mutex<BTreeMap<u64, Arc<Rules>>>,
}

/// Rules of old epochs kept compiled; more are compiled again when asked for.
const RULES_KEPT_MAX: usize = 64;

impl Epochs {
    /// For an environment's store.
    pub fn new(store: Arc<dyn store::Environment>, seal: Seal) -> Self {
        let live = store.identity().live;
        Self {
            store,
            seal,
            live,
            programs: Mutex::default(),
            states: Mutex::new(vec![Arc::new(EpochState::default())]),
            rules: Mutex::default(),
        }
    }

    /// Reads control records that are new, and gives the state of the newest epoch.
    pub async fn refresh(&self) -> Result<Arc<EpochState>> {
        let last = self.newest();
        for record in self.store.control_records(last.epoch).await? {
            let mut states = self.states.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let last = states.last().cloned().unwrap_or_default();
            if record.n <= last.epoch {
                continue; // another caller was faster
            }
            let mut next = EpochState::clone(&last);
            next.apply(&ControlRecord::decode(&record.header)?, &record.header)?;
            states.push(Arc::new(next));
        }
        Ok(self.newest())
    }

    /// The newest state read so far.
    pub fn newest(&self) -> Arc<EpochState> {
        let states = self.states.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        states.last().cloned().unwrap_or_default()
    }

    /// The state at an epoch.
    pub async fn state(&self, epoch: u64) -> Result<Arc<EpochState>> {
        let find = || {
            let states = self.states.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            usize::try_from(epoch).ok().and_then(|i| states.get(i).cloned())
        };
        if let Some(state) = find() {
            return Ok(state);
        }
        self.refresh().await?;
        find().ok_or_else(|| Error::Internal(format!("epoch {epoch} has not begun")))
    }

    /// The rules at an epoch, compiled.
    pub async fn rules(&self, epoch: u64) -> Result<Arc<Rules>> {
        let cached = {
            let rules = self.rules.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            rules.get(&epoch).cloned()
        };
        if let Some(rules) = cached {
            return Ok(rules);
        }
        let state = self.state(epoch).await?;
        let program = match state.manifest {
            Some(manifest) => self.program(manifest, state.head).await?,
            None => Self::empty_program()?,
        };
        let compiled = Arc::new(self.compile_rules(&state, program)?);
        let mut rules = self.rules.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if rules.len() >= RULES_KEPT_MAX {
            rules.pop_first();
        }
        rules.insert(epoch, Arc::clone(&compiled));
        Ok(compiled)
    }

    /// Rules from a state and a program: binds constants. Also for candidates in a rehearsal.
    pub fn compile_rules(&self, state: &EpochState, program: Arc<Program>) -> Result<Rules> {
        let mut constants = BTreeMap::new();
        for (key, constant) in &program.constants {
            let bound = match state.constants.get(key) {
                Some(sealed) => Some(self.open_constant(key, sealed)?),
                None => constant.default.clone(),
            };
            if let Some(value) = bound.and_then(|json| Value::from_json(&json, &constant.of_type)) {
                constants.insert(key.clone(), value);
            }
        }
        let index = Arc::new(engine::rules::Index::new(&program));
        let head_since = state.since.unwrap_or(Timestamp::UNIX_EPOCH);
        // A constant that an audience reads is part of what profiles stand on.
        let bound = index.constants_of_audiences().filter_map(|key| state.constants_since.get(key)).max();
        let since = bound.copied().unwrap_or(head_since).max(head_since);
        Ok(Rules {
            basis: engine::rules::basis(&program, &index, &constants),
            index,
            epoch: state.epoch,
            program,
            since,
            react_on_upgrade: state.react && since == head_since,
            constants,
            switched_off: state.switched_off.clone(),
            live: self.live,
        })
    }

    /// Opens a constant's value.
    pub fn open_constant(&self, key: &Key, sealed: &[u8]) -> Result<serde_json::Value> {
        let name = format!("constant `{key}`");
        let json = self.seal.open(&name, sealed)?;
        serde_json::from_slice(&json).map_err(|_| Error::Sealed(name))
    }

    /// Seals a constant's value.
    pub fn seal_constant(&self, key: &Key, value: &serde_json::Value) -> Result<String> {
        let sealed = self.seal.seal(&format!("constant `{key}`"), value.to_string().as_bytes())?;
        Ok(super::change::hex(&sealed))
    }

    fn empty_program() -> Result<Arc<Program>> {
        Program::compile(&Bundle::default()).map(Arc::new).map_err(Error::Faults)
    }

    /// A manifest compiled; `head` is a revision that has it.
    pub async fn program(&self, manifest: ManifestHash, head: Option<RevisionId>) -> Result<Arc<Program>> {
        let cached = {
            let programs = self.programs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            programs.get(&manifest).cloned()
        };
        if let Some(program) = cached {
            return Ok(program);
        }
        let head = head.ok_or_else(|| Error::Internal("a manifest without a revision".into()))?;
        let bundle = self.bundle(head).await?;
        let program = Arc::new(Program::compile(&bundle).map_err(Error::Faults)?);
        let mut programs = self.programs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        programs.insert(manifest, Arc::clone(&program));
        Ok(program)
    }

    /// The objects of a revision.
    pub async fn bundle(&self, revision: RevisionId) -> Result<Bundle> {
        let missing = |what: &'static str, name: String| Error::Missing {
            what,
            name,
            environment: self.store.identity().name.clone(),
        };
        let row = self
            .store
            .revision(revision.0)
            .await?
            .ok_or_else(|| missing("revision", revision.to_string()))?;
        let revision = program::Revision::read(revision, &row.canonical).map_err(|fault| {
            Error::Store(store::Error::Damaged {
                what: format!("revision {revision}"),
                detail: fault.to_string(),
            })
        })?;
        let hashes: Vec<[u8; 32]> = revision.manifest.values().map(|hash| hash.0).collect();
        let rows = self.store.objects(&hashes).await?;
        let mut bundle = Bundle::default();
        for ((address, hash), row) in revision.manifest.iter().zip(rows) {
            let row = row.ok_or_else(|| missing("object", format!("{address} ({hash})")))?;
            bundle.specs.insert(address.clone(), row.canonical);
        }
        Ok(bundle)
    }
}
