//! One environment, running.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use engine::Rules;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::{
    Error, Result, batch,
    clock::SharedClock,
    control::{ClockSetting, EpochState, Epochs},
    hashed::Hasher,
    intake::{self, Intake},
    keys::KeyRing,
    live::Live,
    master_key,
    nodes::{self, Node},
    seal::Seal,
    timers,
    work::UnderWay,
};

/// How an environment runs. Each has its own queue, writer and limits.
#[derive(Clone)]
pub struct Options {
    /// Messages waiting, at most.
    pub queue_items_max: usize,
    /// Bytes of messages waiting, at most.
    pub queue_bytes_max: usize,
    /// Messages decided in one commit, at most.
    pub batch_items_max: usize,
    /// Profiles kept decoded, at most.
    pub profiles_cached_max: usize,
    /// This process, as it is called among those that serve the same environment.
    pub node: String,
    /// How a decision is made: the engine's own; tests put faults in here.
    pub decide: DecideFn,
}

/// The signature of [`engine::decide`].
pub type DecideFn =
    fn(&Rules, &engine::Profile, &engine::Input, engine::Times) -> Result<engine::Proposal, engine::Fault>;

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_items_max: 20_000,
            queue_bytes_max: 64 << 20,
            batch_items_max: 1_000,
            profiles_cached_max: 50_000,
            node: "greenroom".to_owned(),
            decide: engine::decide,
        }
    }
}

/// A running environment. Everything goes through here; nothing in it reaches another environment.
pub struct Environment {
    pub(crate) store: Arc<dyn store::Environment>,
    pub(crate) options: Options,
    pub(crate) clock: SharedClock,
    pub(crate) seal: Seal,
    pub(crate) hasher: Hasher,
    pub(crate) epochs: Epochs,
    pub(crate) current: RwLock<Arc<Rules>>,
    pub(crate) control_lock: tokio::sync::Mutex<()>,
    pub(crate) intake: Intake,
    pub(crate) keys: KeyRing,
    pub(crate) live: Live,
    pub(crate) node: Node,
    pub(crate) under_way: UnderWay,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Environment {
    /// Starts an environment over its store.
    pub async fn start(
        store: Arc<dyn store::Environment>,
        master_key: &[u8; 32],
        clock: SharedClock,
        options: Options,
    ) -> Result<Arc<Self>> {
        let is_known = master_key::check(&store, master_key).await?;
        let name = store.identity().name.clone();
        let (environment, queue) = match Self::at_rest(store, master_key, clock, options).await {
            // A constant that the rules read.
            Err(Error::Sealed(_)) if !is_known => return Err(Error::MasterKey(name)),
            at_rest => at_rest?,
        };
        if !is_known {
            match environment.note_master_key(master_key).await {
                // It is noted the next time.
                Err(error) if error.is_transient() => {
                    tracing::warn!(environment = environment.name(), %error, "its master key is not noted yet");
                }
                noted => noted?,
            }
        }
        let batches = tokio::spawn(batch::run(Arc::clone(&environment), queue));
        let mut tasks = vec![batches, tokio::spawn(timers::run(Arc::clone(&environment)))];
        if environment.store.nodes().is_some() {
            tasks.push(tokio::spawn(nodes::run(Arc::clone(&environment))));
        }
        environment.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
        if let Err(error) = environment.erase_again().await {
            // What runs would run on, and nobody could stop it.
            if let Err(stopping) = environment.stop().await {
                tracing::warn!(environment = environment.name(), error = %stopping, "it does not stop in order");
            }
            return Err(error);
        }
        Ok(environment)
    }

    /// The same with nothing running in it, which is enough to read: no batches, no timers.
    pub(crate) async fn at_rest(
        store: Arc<dyn store::Environment>,
        master_key: &[u8; 32],
        clock: SharedClock,
        options: Options,
    ) -> Result<(Arc<Self>, intake::Queue)> {
        let identity = store.identity().clone();
        let seal = master_key::seal(&store, master_key).await?;
        let epochs = Epochs::new(Arc::clone(&store), seal.clone());
        let state = epochs.refresh().await?;
        let rules = epochs.rules(state.epoch).await?;
        let keys = KeyRing::new(store.keys().await?);
        let (intake, queue) =
            intake::channel(identity.name.clone(), options.queue_items_max, options.queue_bytes_max);
        let node = Node::new(options.node.clone(), clock.now(), state.epoch)?;
        let environment = Arc::new(Self {
            hasher: Hasher::new(&identity.directory_key),
            store,
            options,
            clock,
            seal,
            epochs,
            current: RwLock::new(rules),
            control_lock: tokio::sync::Mutex::new(()),
            intake,
            keys,
            live: Live::default(),
            node,
            under_way: UnderWay::default(),
            tasks: Mutex::default(),
        });
        Ok((environment, queue))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.store.identity().name
    }

    /// Its id.
    pub fn id(&self) -> [u8; 16] {
        self.store.identity().id
    }

    /// Whether it is the live one.
    pub fn is_live(&self) -> bool {
        self.store.identity().live
    }

    /// `live` or `test`.
    pub fn kind(&self) -> &'static str {
        if self.is_live() { "live" } else { "test" }
    }

    /// Its store, for reading.
    pub fn store(&self) -> &dyn store::Environment {
        &*self.store
    }

    /// The rules of the newest epoch.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest epoch's state.
    pub fn state(&self) -> Arc<EpochState> {
        self.epochs.newest()
    }

    /// Every epoch, for replays.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The machine's time.
    pub fn machine_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The environment's time: the machine's, or its test clock's.
    pub fn now(&self) -> Timestamp {
        match self.epochs.newest().clock {
            ClockSetting::System => self.clock.now(),
            ClockSetting::Manual(at) => at,
        }
    }

    /// Reads the newest epoch and compiles it; new batches are decided under it.
    pub(crate) async fn refresh_rules(&self) -> Result<Arc<Rules>> {
        let state = self.epochs.refresh().await?;
        let rules = self.epochs.rules(state.epoch).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&rules);
        Ok(rules)
    }

    /// The live log and the numbers.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Messages that wait to be decided.
    pub fn waiting(&self) -> usize {
        self.intake.waiting()
    }

    /// Takes nothing more in, finishes what is waiting, and lets go of the store.
    pub async fn stop(&self) -> Result<()> {
        self.intake.close();
        self.live.stop();
        self.node.stop.notify_one();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.await.map_err(|error| Error::Internal(format!("a task of the environment: {error}")))?;
        }
        self.store.close().await?;
        Ok(())
    }
}
