//! Where environments come from: a backend makes, opens and lists them, and keeps the control store
//! (registry of environments, administrators). The control store knows nothing of members.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Environment, Error, Identity, Making, Result, SecretRow};

/// A person or machine that administers the install. Shared by all environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministratorRow {
    /// UUID.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// SHA-256 of the bearer token.
    pub token_hash: [u8; 32],
    /// The last four characters of the token.
    pub hint: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Of all of them, as they are, the one of this id as it is to be written when it is revoked; an error when there is none
/// of it, `None` when nobody else would be left. The same rule for all backends, to be asked where nobody else writes.
///
/// # Errors
/// [`Error::Missing`] when there is none of this id.
pub fn revoked(rows: &[AdministratorRow], id: &str, at: Timestamp) -> Result<Option<AdministratorRow>> {
    let Some(row) = rows.iter().find(|row| row.id == id) else {
        return Err(Error::Missing(format!("administrator `{id}`")));
    };
    if row.revoked_at.is_some() {
        return Ok(Some(row.clone()));
    }
    let others = rows.iter().any(|other| other.id != id && other.revoked_at.is_none());
    Ok(others.then(|| AdministratorRow { revoked_at: Some(at), ..row.clone() }))
}

/// An environment as the registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRow {
    /// Its id, as in its own store.
    pub id: [u8; 16],
    /// Its name.
    pub name: String,
    /// Live or test.
    pub live: bool,
    /// When it was made.
    pub made_at: Timestamp,
    /// Making it is not finished (its store may be missing): it is not opened. Taking a data folder finishes or
    /// removes it, [`Backend::begin`] begins it anew.
    pub making: bool,
    /// The store that keeps it, by its own id ([`Backend::id`]), when that is not this one: here it is only
    /// registered, so that its name is taken and every process knows where it is not.
    pub elsewhere: Option<[u8; 16]>,
}

impl RegistryRow {
    /// That this store keeps it.
    ///
    /// # Errors
    /// [`Error::Refused`] when another one does.
    pub fn is_here(&self) -> Result<()> {
        if self.elsewhere.is_none() {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "environment `{name}` is kept in a store of its own, not in this one: name it in the configuration file, \
             under [environments.{name}.store]",
            name = self.name
        )))
    }
}

/// A backup that could be restored: what can be known of it before.
#[derive(Clone, Debug)]
pub struct Restorable {
    /// The environment's id.
    pub environment: [u8; 16],
    /// Its secrets as they were: sealed with the master key that it had.
    pub secrets: Vec<SecretRow>,
}

/// A backend: a data folder, or a database server.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Whether other processes may have it open too, and add to what is registered.
    fn is_shared(&self) -> bool;
    /// The store's own id, drawn when it was made: the same whatever address it is reached by.
    async fn id(&self) -> Result<[u8; 16]>;
    /// The registered environments.
    async fn environments(&self) -> Result<Vec<RegistryRow>>;
    /// Makes an environment: registers it, makes its store, marks it made. Idempotent by id.
    async fn create(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Environment>>;
    /// Begins to make an environment out of another store's rows (see [`Making`]). What an earlier beginning of
    /// the same name or id left unfinished is removed, and what is only registered here is taken over; a finished one is [`crate::Error::Exists`], one that
    /// another process is making [`crate::Error::Refused`].
    async fn begin(&self, identity: Identity, made_at: Timestamp) -> Result<Arc<dyn Making>>;
    /// Registers an environment that another store keeps (`elsewhere` says which). One of the same id that is kept
    /// here is opened from here no more; its rows stay until [`Backend::begin`] begins it anew. Idempotent.
    /// [`crate::Error::Exists`] when its name or id is another environment's.
    async fn register(&self, row: RegistryRow) -> Result<()>;
    /// Opens one, checking that registry and store agree, checksums, and the anchor.
    async fn open(&self, name: &str) -> Result<Arc<dyn Environment>>;
    /// Whether a backup could be put in the place of an environment's store: it is whole, and this environment's. Whether
    /// the master key fits is for the caller to see.
    /// Changes nothing, and can be asked while the environment is open. [`crate::Error::Unrestorable`] if not.
    async fn restorable(&self, name: &str, from: &Path) -> Result<Restorable>;
    /// Puts a backup in the place of an environment's store, with a new incarnation, and applies the list
    /// of erasures it knows. [`crate::Error::Unrestorable`] as [`Backend::restorable`] tells.
    async fn restore(
        &self,
        name: &str,
        from: &Path,
        incarnation_at: Timestamp,
    ) -> Result<Arc<dyn Environment>>;
    /// The administrators.
    async fn administrators(&self) -> Result<Vec<AdministratorRow>>;
    /// Adds one, or writes the same id anew.
    async fn put_administrator(&self, row: AdministratorRow) -> Result<()>;
    /// Notes that one was revoked, unless nobody else would be left who is not: of two that revoke each other at once, one
    /// is refused. Answers all of them as they are then, or `None` when the last was to go. One that was revoked before
    /// stays as it is. [`crate::Error::Missing`] when there is none of this id.
    async fn revoke_administrator(&self, id: &str, at: Timestamp) -> Result<Option<Vec<AdministratorRow>>>;
}
