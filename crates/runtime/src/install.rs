//! The whole install: its environments, its administrators, its master key.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
    atomic::{AtomicBool, Ordering},
};

use store::{AdministratorRow, Backend, ControlWrites, Identity, KeyRow};
use subtle::ConstantTimeEq;
use tokio::task::JoinHandle;

use crate::{
    Environment, Error, Result,
    clock::SharedClock,
    control::{Actor, Change, ControlDraft, hex},
    environment::Options,
    keys, master_key,
    opening::{self, Places, Unopened},
    seal,
};

/// Who makes a request, and what that allows.
#[derive(Clone)]
pub enum Principal {
    /// An administrator: every environment.
    Administrator {
        /// Who.
        actor: Actor,
    },
    /// A key: its own environment and nothing else.
    Key {
        /// Its environment.
        environment: Arc<Environment>,
        /// What is stored of it.
        row: KeyRow,
    },
}

impl Principal {
    /// As the actor of a change.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Administrator { actor } => actor.clone(),
            Self::Key { row, .. } => Actor { id: row.id.clone(), name: row.name.clone() },
        }
    }
}

/// Why a token was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// It is not even shaped like one.
    #[error("{0}")]
    Malformed(String),
    /// Nobody has it.
    #[error(
        "this key is not known here: it may be of another install, or of a {kind} environment that is gone"
    )]
    Unknown {
        /// `live`, `test`, or `administrator`.
        kind: &'static str,
    },
    /// It may be of an environment that did not open.
    #[error("environment `{}` does not open at the moment, and this may be a key of it", .0.name)]
    Unopened(Unopened),
    /// Its time is over.
    #[error("this key expired at {0}")]
    Expired(jiff::Timestamp),
    /// It was taken back.
    #[error("this key was revoked at {0}")]
    Revoked(jiff::Timestamp),
}

/// The install.
pub struct Greenroom {
    pub(crate) backend: Arc<dyn Backend>,
    master_key: [u8; 32],
    clock: SharedClock,
    options: Options,
    pub(crate) places: RwLock<Places>,
    pub(crate) administrators: RwLock<Vec<AdministratorRow>>,
    /// Held by whoever opens or makes environments, or changes or reads administrators.
    pub(crate) opening: tokio::sync::Mutex<()>,
    watching: Mutex<Option<JoinHandle<()>>>,
    leaving: AtomicBool,
}

/// The name of the environment that is there from the start.
pub const LIVE: &str = "live";

impl Greenroom {
    /// Opens everything that opens ([`Greenroom::unopened`] tells the rest); makes `live` on the first start.
    pub async fn open(
        backend: Arc<dyn Backend>,
        master_key: [u8; 32],
        clock: SharedClock,
        options: Options,
    ) -> Result<Arc<Self>> {
        let greenroom = Arc::new(Self {
            administrators: RwLock::new(backend.administrators().await?),
            backend,
            master_key,
            clock,
            options,
            places: RwLock::default(),
            opening: tokio::sync::Mutex::default(),
            watching: Mutex::default(),
            leaving: AtomicBool::new(false),
        });
        greenroom.open_registered().await?;
        let has_live = greenroom.environments().iter().any(|environment| environment.is_live())
            || greenroom.unopened().iter().any(|one| one.live);
        if !has_live {
            match greenroom.make(LIVE, true, Actor::system()).await {
                // Another node began at the same moment.
                Err(Error::Store(store::Error::Exists(_))) => greenroom.open_registered().await?,
                made => drop(made?),
            }
        }
        if greenroom.backend.is_shared() {
            let watching = tokio::spawn(opening::watch(Arc::downgrade(&greenroom)));
            *greenroom.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(watching);
        }
        Ok(greenroom)
    }

    pub(crate) async fn start(&self, store: Arc<dyn store::Environment>) -> Result<Arc<Environment>> {
        let environment =
            Environment::start(store, &self.master_key, Arc::clone(&self.clock), self.options.clone())
                .await?;
        self.places.write().unwrap_or_else(PoisonError::into_inner).serve(&environment);
        Ok(environment)
    }

    async fn make(&self, name: &str, live: bool, actor: Actor) -> Result<Arc<Environment>> {
        let _alone = self.opening.lock().await;
        let now = self.clock.now();
        let id = uuid_v7(now)?;
        let identity =
            Identity { id, name: name.to_owned(), live, incarnation: 1, directory_key: seal::random()? };
        let store = self.backend.create(identity, now).await?;
        let environment = self.start(store).await?;
        let change = Change::Born { environment: hex(&id), name: name.to_owned(), live };
        let draft = ControlDraft { actor, message: None, change };
        environment.change(draft, ControlWrites::default(), None).await?;
        Ok(environment)
    }

    /// Makes a test environment, empty. (There is one live environment, and it is there from the start.)
    pub async fn create_environment(&self, name: &str, actor: Actor) -> Result<Arc<Environment>> {
        check_name(name)?;
        if self.environment(name).is_some() {
            return Err(Error::Conflict(format!("environment `{name}` exists already")));
        }
        self.make(name, false, actor).await
    }

    /// Puts a backup in the place of an environment. Its deliveries start paused; the incarnation grows. Meanwhile it
    /// counts among those that do not open, so that clients keep what they have and send it again.
    pub async fn restore_environment(
        &self,
        name: &str,
        from: &std::path::Path,
        actor: Actor,
    ) -> Result<Arc<Environment>> {
        let _alone = self.opening.lock().await;
        // Before anything is stopped: most of what is wrong with a backup can be seen by looking at it.
        let backup = self.backend.restorable(name, from).await?;
        master_key::check_backup(name, &backup, &self.master_key)?;
        let running = self.environment(name);
        if let Some(running) = &running {
            running.is_served_here_alone().await?;
            self.set_aside(running, "it is being restored from a backup");
            if let Err(error) = running.stop().await {
                self.set_aside(running, &format!("it could not be stopped to be restored: {error}"));
                return Err(error);
            }
        }
        let restored = match self.backend.restore(name, from, self.clock.now()).await {
            Ok(store) => self.start(store).await,
            Err(error) => Err(error.into()),
        };
        match restored {
            Ok(environment) => {
                note_restored(&environment, actor).await?;
                Ok(environment)
            }
            Err(error) => {
                if let Some(running) = &running {
                    self.serve_again(running).await;
                }
                Err(error)
            }
        }
    }

    /// Serves what is there after a restore that came to nothing: what was there before.
    async fn serve_again(&self, stopped: &Environment) {
        let opened = match self.backend.open(stopped.name()).await {
            Ok(store) => self.start(store).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = opened {
            let environment = stopped.name();
            tracing::error!(environment, %error, "it does not open after a restore that failed");
            self.set_aside(stopped, &error.to_string());
        }
    }

    /// The same in a folder that nobody serves: also for an environment that does not open any more.
    pub async fn restore_stopped(
        backend: &dyn Backend,
        master_key: [u8; 32],
        clock: SharedClock,
        name: &str,
        from: &std::path::Path,
        actor: Actor,
    ) -> Result<()> {
        let backup = backend.restorable(name, from).await?;
        master_key::check_backup(name, &backup, &master_key)?;
        let store = backend.restore(name, from, clock.now()).await?;
        let environment = Environment::start(store, &master_key, clock, Options::default()).await?;
        note_restored(&environment, actor).await?;
        environment.stop().await
    }

    fn places(&self) -> RwLockReadGuard<'_, Places> {
        // Nothing in there is ever half changed.
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_aside(&self, environment: &Environment, why: &str) {
        let one = Unopened {
            name: environment.name().to_owned(),
            live: environment.is_live(),
            why: why.to_owned(),
        };
        self.places.write().unwrap_or_else(PoisonError::into_inner).set_aside(one);
    }

    /// Every environment, by name.
    pub fn environments(&self) -> Vec<Arc<Environment>> {
        self.places().open.values().cloned().collect()
    }

    /// Those that are served and those that are registered and did not open, as of one moment.
    pub fn registered(&self) -> (Vec<Arc<Environment>>, Vec<Unopened>) {
        let places = self.places();
        (places.open.values().cloned().collect(), places.unopened.clone())
    }

    /// One environment.
    pub fn environment(&self, name: &str) -> Option<Arc<Environment>> {
        self.places().open.get(name).cloned()
    }

    /// Whose token it is.
    pub fn authenticate(&self, token: &str) -> Result<Principal, Unauthenticated> {
        let shape = keys::shape(token).map_err(Unauthenticated::Malformed)?;
        let hash = keys::hash(token);
        if shape.kind.is_none() {
            let administrators = self.administrators.read().unwrap_or_else(PoisonError::into_inner);
            let row = administrators
                .iter()
                .find(|row| bool::from(row.token_hash.ct_eq(&hash)))
                .ok_or(Unauthenticated::Unknown { kind: "administrator" })?;
            if let Some(at) = row.revoked_at {
                return Err(Unauthenticated::Revoked(at));
            }
            return Ok(Principal::Administrator {
                actor: Actor { id: row.id.clone(), name: row.name.clone() },
            });
        }
        let kind = if shape.live { "live" } else { "test" };
        let (open, unopened) = self.registered();
        let (environment, row) = open
            .into_iter()
            .find_map(|environment| environment.find_key(&hash).map(|row| (environment, row)))
            .ok_or_else(|| {
                let of_kind = unopened.into_iter().find(|one| one.live == shape.live);
                of_kind.map_or(Unauthenticated::Unknown { kind }, Unauthenticated::Unopened)
            })?;
        if let Some(at) = row.revoked_at {
            return Err(Unauthenticated::Revoked(at));
        }
        if let Some(at) = row.expires_at
            && at <= self.clock.now()
        {
            return Err(Unauthenticated::Expired(at));
        }
        Ok(Principal::Key { environment, row })
    }

    /// The administrators.
    pub fn administrators(&self) -> Vec<AdministratorRow> {
        self.administrators.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes an administrator and the token they prove themselves with; it is seen only here.
    pub async fn make_administrator(&self, name: &str) -> Result<(AdministratorRow, String)> {
        let token = keys::make_token("at_")?;
        let now = self.clock.now();
        let row = AdministratorRow {
            id: format!("admin_{}", hex(&seal::random::<8>()?)),
            name: name.to_owned(),
            token_hash: keys::hash(&token),
            hint: token[token.len() - 4..].to_owned(),
            made_at: now,
            revoked_at: None,
        };
        let _not_read_anew_meanwhile = self.opening.lock().await;
        self.backend.put_administrator(row.clone()).await?;
        self.administrators.write().unwrap_or_else(PoisonError::into_inner).push(row.clone());
        Ok((row, token))
    }

    /// Revokes an administrator; requests with the token are refused from now on. There is always one left.
    pub async fn revoke_administrator(&self, id: &str) -> Result<AdministratorRow> {
        let _one_at_a_time = self.opening.lock().await;
        let Some(rows) = self.backend.revoke_administrator(id, self.clock.now()).await? else {
            let name = self
                .administrators()
                .into_iter()
                .find(|row| row.id == id)
                .map_or_else(|| id.to_owned(), |row| row.name);
            return Err(Error::Refused(format!(
                "`{name}` is the only administrator; make another one first"
            )));
        };
        let row = rows.iter().find(|row| row.id == id).cloned();
        *self.administrators.write().unwrap_or_else(PoisonError::into_inner) = rows;
        row.ok_or_else(|| Error::Internal(format!("administrator `{id}` is gone after being revoked")))
    }

    /// Says that this process will stop soon: it serves as before, but others shall not be sent here any more.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether it will stop soon.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Stops every environment: finishes what is waiting, lets go of the stores.
    pub async fn stop(&self) -> Result<()> {
        let watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watching) = watching {
            watching.abort();
            let _ = watching.await;
        }
        for environment in self.environments() {
            environment.stop().await?;
        }
        Ok(())
    }
}

async fn note_restored(environment: &Environment, actor: Actor) -> Result<()> {
    let change = Change::Restored { incarnation: environment.store().identity().incarnation };
    let draft = ControlDraft { actor, message: None, change };
    environment.change(draft, ControlWrites::default(), None).await.map(drop)
}

/// Names stand in addresses, files and commands: the same letters as object keys, and `-`.
fn check_name(name: &str) -> Result<()> {
    let fits = name.len() <= 40
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
    if fits {
        Ok(())
    } else {
        Err(Error::Refused(format!(
            "`{name}` cannot name an environment: use lower-case letters, digits, `-` and `_`, begin with a letter, at most 40 characters"
        )))
    }
}

fn uuid_v7(now: jiff::Timestamp) -> Result<[u8; 16]> {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let random = seal::random::<10>()?;
    Ok(*uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_bytes())
}
