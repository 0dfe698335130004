//! Whether the master key here is the one that an environment was sealed with. Among its secrets is kept a value that
//! only that key opens: looked at before anything of the environment runs, so that a process with another key does not
//! serve it, and does none of its work, instead of failing at the first secret or constant that it needs.

mod change;

use std::sync::Arc;

use store::{Commit, Condition, ControlWrites, OutsideChange, Restorable, SecretRow};

use crate::{Environment, Error, Result, control::Actor, seal::Seal};

pub use change::{Changed, MasterKeyChange};

/// What that value is called: no secret of a program can be.
const NAME: &str = "(master key)";
const VALUE: &[u8] = b"greenroom";

/// What the master keys before this one are called, newest first: constants that were bound under them stand in the
/// journal as they are.
const FORMER: &str = "(former master keys)";

/// What a secret's value is bound to.
pub(crate) fn bound(key: &str) -> String {
    format!("secret `{key}`")
}

/// Whether a row is a secret of the program, and not what is kept about master keys.
pub(crate) fn is_of_the_program(row: &SecretRow) -> bool {
    row.key != NAME && row.key != FORMER
}

/// Opens what an environment with these secrets has ever sealed.
pub(crate) async fn seal(store: &Arc<dyn store::Environment>, master: &[u8; 32]) -> Result<Seal> {
    let seal = Seal::new(master, store.identity().id);
    let keys = former(&seal, &store.secrets().await?)?;
    Ok(seal.with_former(&keys))
}

/// The master keys before this one.
fn former(seal: &Seal, rows: &[SecretRow]) -> Result<Vec<[u8; 32]>> {
    let Some(row) = rows.iter().find(|row| row.key == FORMER) else { return Ok(Vec::new()) };
    let keys = seal.open(&bound(FORMER), &row.sealed)?;
    let (keys, rest) = keys.as_chunks::<32>();
    if rest.is_empty() { Ok(keys.to_vec()) } else { Err(Error::Sealed(bound(FORMER))) }
}

fn wrong(name: &str) -> Error {
    Error::MasterKey(name.to_owned())
}

/// Refuses another key than the one that the environment was sealed with, if that is known. Says whether it is.
pub(crate) async fn check(store: &Arc<dyn store::Environment>, master: &[u8; 32]) -> Result<bool> {
    let identity = store.identity();
    let rows = store.secrets().await?;
    let Some(row) = rows.iter().find(|row| row.key == NAME) else { return Ok(false) };
    opens(&Seal::new(master, identity.id), row, &identity.name).map(|()| true)
}

/// Refuses a backup that was sealed with another key, before it takes the place of anything. One that an earlier build
/// made is known by its secrets, if it has any.
pub(crate) fn check_backup(name: &str, backup: &Restorable, master: &[u8; 32]) -> Result<()> {
    let seal = Seal::new(master, backup.environment);
    let refused = |error| match error {
        Error::MasterKey(_) => store::Error::Unrestorable(error.to_string()).into(),
        error => error,
    };
    backup.secrets.iter().try_for_each(|row| opens(&seal, row, name).map_err(refused))
}

/// Whether it is the key of this row.
fn opens(seal: &Seal, row: &SecretRow, environment: &str) -> Result<()> {
    match seal.open(&bound(&row.key), &row.sealed) {
        Ok(_) => Ok(()),
        Err(Error::Sealed(_)) => Err(wrong(environment)),
        Err(error) => Err(error),
    }
}

impl Environment {
    /// Keeps the value by which the master key is known, in an environment that has none: a new one, or one that an earlier
    /// build made. Of that, whatever is sealed must open.
    pub(crate) async fn note_master_key(&self, master: &[u8; 32]) -> Result<()> {
        match self.unsealed().await {
            Err(Error::Sealed(_)) => return Err(wrong(self.name())),
            other => other?,
        }
        let row = SecretRow {
            key: NAME.to_owned(),
            sealed: self.seal.seal(&bound(NAME), VALUE)?,
            set_at: self.machine_now(),
            actor: Actor::system().to_string(),
        };
        loop {
            let writes = ControlWrites {
                conditions: vec![Condition::SecretUnbound(NAME.to_owned())],
                outside: vec![OutsideChange::PutSecret(row.clone())],
                ..ControlWrites::default()
            };
            let epoch = self.epochs.refresh().await?.epoch;
            match self.store.control(epoch, writes).await {
                Ok(Commit::Committed) => return Ok(()),
                Ok(Commit::EpochMoved(_) | Commit::Conflict) => {}
                // Another process began at the same moment. Its key counts.
                Err(store::Error::Unmet { .. }) => return check(&self.store, master).await.map(drop),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Opens everything that is sealed.
    async fn unsealed(&self) -> Result<()> {
        self.constants()?;
        for secret in self.store.secrets().await? {
            self.seal.open(&bound(&secret.key), &secret.sealed)?;
        }
        Ok(())
    }
}
