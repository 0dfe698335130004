//! The whole install: its environments, its administrators, its master key.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use store::{AdministratorRow, Backend, ControlWrites, Identity, KeyRow};
use subtle::ConstantTimeEq;

use crate::{
    Environment, Error, Result,
    clock::SharedClock,
    control::{Actor, Change, ControlDraft, hex},
    environment::Options,
    keys, seal,
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
    /// Its time is over.
    #[error("this key expired at {0}")]
    Expired(jiff::Timestamp),
    /// It was taken back.
    #[error("this key was revoked at {0}")]
    Revoked(jiff::Timestamp),
}

/// The install.
pub struct Greenroom {
    backend: Arc<dyn Backend>,
    master_key: [u8; 32],
    clock: SharedClock,
    options: Options,
    environments: RwLock<BTreeMap<String, Arc<Environment>>>,
    administrators: RwLock<Vec<AdministratorRow>>,
}

/// The name of the environment that is there from the start.
pub const LIVE: &str = "live";

impl Greenroom {
    /// Opens everything; makes `live` on the first start.
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
            environments: RwLock::default(),
        });
        let registered = greenroom.backend.environments().await?;
        // What is not whole belongs to whoever is making it.
        for row in registered.iter().filter(|row| !row.making) {
            let store = greenroom.backend.open(&row.name).await?;
            greenroom.start(store).await?;
        }
        if !greenroom.environments().iter().any(|environment| environment.is_live()) {
            greenroom.make(LIVE, true, Actor::system()).await?;
        }
        Ok(greenroom)
    }

    async fn start(&self, store: Arc<dyn store::Environment>) -> Result<Arc<Environment>> {
        let environment =
            Environment::start(store, &self.master_key, Arc::clone(&self.clock), self.options.clone())
                .await?;
        self.environments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(environment.name().to_owned(), Arc::clone(&environment));
        Ok(environment)
    }

    async fn make(&self, name: &str, live: bool, actor: Actor) -> Result<Arc<Environment>> {
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

    /// Puts a backup in the place of an environment. Its deliveries start paused; the incarnation grows.
    pub async fn restore_environment(
        &self,
        name: &str,
        from: &std::path::Path,
        actor: Actor,
    ) -> Result<Arc<Environment>> {
        let running = self.environments.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(running) = &running {
            running.stop().await?;
        }
        let restored = self.backend.restore(name, from, self.clock.now()).await;
        match restored {
            Ok(store) => {
                let environment = self.start(store).await?;
                note_restored(&environment, actor).await?;
                Ok(environment)
            }
            Err(error) => {
                // What was there before serves on.
                if running.is_some() {
                    let store = self.backend.open(name).await?;
                    self.start(store).await?;
                }
                Err(error.into())
            }
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
        let store = backend.restore(name, from, clock.now()).await?;
        let environment = Environment::start(store, &master_key, clock, Options::default()).await?;
        note_restored(&environment, actor).await?;
        environment.stop().await
    }

    /// Every environment, by name.
    pub fn environments(&self) -> Vec<Arc<Environment>> {
        self.environments.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One environment.
    pub fn environment(&self, name: &str) -> Option<Arc<Environment>> {
        self.environments.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// One environment, or an error that names those there are.
    pub fn expect_environment(&self, name: &str) -> Result<Arc<Environment>> {
        self.environment(name).ok_or_else(|| {
            let names: Vec<String> =
                self.environments().iter().map(|environment| environment.name().to_owned()).collect();
            Error::Refused(format!("there is no environment `{name}`; there are: {}", names.join(", ")))
        })
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
        let (environment, row) = self
            .environments()
            .into_iter()
            .find_map(|environment| environment.find_key(&hash).map(|row| (environment, row)))
            .ok_or(Unauthenticated::Unknown { kind })?;
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
        self.backend.put_administrator(row.clone()).await?;
        self.administrators.write().unwrap_or_else(PoisonError::into_inner).push(row.clone());
        Ok((row, token))
    }

    /// Stops every environment: finishes what is waiting, lets go of the stores.
    pub async fn stop(&self) -> Result<()> {
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
