//! Another master key for environments that nobody serves. What is sealed outside the journal is sealed anew. Constants'
//! values stand in the journal, which nothing rewrites: the key that they were sealed with is kept beside them, sealed
//! with the new one. Nothing else of an environment depends on the master key.

use std::sync::Arc;

use store::{Backend, ControlWrites, OutsideChange, SecretRow};

use super::{FORMER, NAME, VALUE, bound, check, former, is_of_the_program, wrong};
use crate::{
    Environment, Error, Result,
    clock::SharedClock,
    control::{Actor, Change, ControlDraft},
    environment::Options,
    nodes,
    seal::Seal,
};

/// What became of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub environment: String,
    /// How many of its secrets were sealed anew; `None` if the new key was its key already.
    pub secrets: Option<usize>,
}

/// A change from one master key to another.
pub struct MasterKeyChange {
    before: [u8; 32],
    after: [u8; 32],
    clock: SharedClock,
    actor: Actor,
}

impl MasterKeyChange {
    /// From one key to the other.
    pub const fn new(before: [u8; 32], after: [u8; 32], clock: SharedClock, actor: Actor) -> Self {
        Self { before, after, clock, actor }
    }

    /// Changes the key of every environment of a store, each in one step. All are looked at before the first is changed.
    /// Broken off, it is run again: those that have the new key stay as they are.
    pub async fn run(&self, backend: &dyn Backend) -> Result<Vec<Changed>> {
        let mut found = Vec::new();
        for row in backend.environments().await? {
            let store = backend.open(&row.name).await?;
            let environment = self.look(&store).await?;
            found.push((row.name, store, environment));
        }
        let mut told = Vec::new();
        for (name, store, environment) in found {
            let secrets = match &environment {
                Some(environment) => Some(self.change(environment).await?),
                None => None,
            };
            store.close().await?;
            told.push(Changed { environment: name, secrets });
        }
        Ok(told)
    }

    /// The environment with all that is sealed in it open; `None` if it has the new key already.
    async fn look(&self, store: &Arc<dyn store::Environment>) -> Result<Option<Arc<Environment>>> {
        nodes::unserved(store, "").await?;
        match check(store, &self.after).await {
            Ok(true) => return Ok(None),
            Ok(false) | Err(Error::MasterKey(_)) => {}
            Err(error) => return Err(error),
        }
        check(store, &self.before).await?;
        let opened = async {
            let clock = Arc::clone(&self.clock);
            let (environment, _) =
                Environment::at_rest(Arc::clone(store), &self.before, clock, Options::default()).await?;
            environment.unsealed().await?;
            Ok(environment)
        };
        match opened.await {
            Err(Error::Sealed(_)) => Err(wrong(&store.identity().name)),
            other => other.map(Some),
        }
    }

    async fn change(&self, environment: &Environment) -> Result<usize> {
        let epoch = environment.epochs.refresh().await?.epoch;
        let id = environment.id();
        let after = Seal::new(&self.after, id);
        let rows = environment.store.secrets().await?;
        let mut keys = vec![self.before];
        keys.extend(former(&Seal::new(&self.before, id), &rows)?);

        let mut outside = Vec::new();
        for row in rows.iter().filter(|row| is_of_the_program(row)) {
            let name = bound(&row.key);
            let value = environment.seal.open(&name, &row.sealed)?;
            let sealed = after.seal(&name, &value)?;
            outside.push(OutsideChange::PutSecret(SecretRow { sealed, ..row.clone() }));
        }
        let secrets = outside.len();
        for (key, value) in [(NAME, VALUE), (FORMER, keys.concat().as_slice())] {
            outside.push(OutsideChange::PutSecret(SecretRow {
                key: key.to_owned(),
                sealed: after.seal(&bound(key), value)?,
                set_at: environment.machine_now(),
                actor: self.actor.to_string(),
            }));
        }
        let draft =
            ControlDraft { actor: self.actor.clone(), message: None, change: Change::MasterKeyChanged };
        let writes = ControlWrites { outside, ..ControlWrites::default() };
        // What was set meanwhile would be under the old key: then somebody serves it, and it is refused.
        environment.change_here(&draft, &writes, Some(epoch)).await?;
        Ok(secrets)
    }
}
