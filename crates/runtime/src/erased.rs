//! People whom a restored backup has brought back, though they had been erased.

use engine::{Command, input::Order, profile::Standing};
use ledger::ProfileId;
use store::{Commit, Deciding, Granted, Step, Stream, Writes};

use crate::{Environment, Error, Result, control::Actor};

impl Environment {
    /// Erases whoever had been erased after a backup was made that has been restored: before anything is
    /// served, so that nobody comes back to life.
    pub(crate) async fn erase_again(&self) -> Result<()> {
        let mut pending = self.store.erasures_pending().await?;
        loop {
            for profile in &pending {
                let actor = Actor::system();
                let reason = "erased before, and brought back by a restored backup".to_owned();
                let command = Command { order: Order::Erase, actor: actor.id, reason };
                match self.order(*profile, command, None).await {
                    // Made after the backup: it is not there. Or erased before it.
                    Ok(_) | Err(Error::Store(store::Error::Missing(_))) => {}
                    Err(error) => return Err(error),
                }
            }
            // One that was merged led to whom it lives on in, and has its own turn when that one is erased.
            let left = self.store.erasures_pending().await?;
            if left.len() == pending.len() {
                return self.take_off_the_list(left).await;
            }
            pending = left;
        }
    }

    /// Those who were erased when the backup was made have nothing left to be decided. They only leave the list.
    async fn take_off_the_list(&self, pending: Vec<ProfileId>) -> Result<()> {
        let mut erase = Vec::new();
        for profile in pending {
            if self.profile(profile).await?.is_some_and(|state| state.standing == Standing::Erased) {
                erase.push(Stream::Profile(profile));
            }
        }
        if erase.is_empty() {
            return Ok(());
        }
        loop {
            let writes = Writes { erase: erase.clone(), ..Writes::default() };
            let epoch = self.epochs.refresh().await?.epoch;
            match self.store.commit(epoch, Box::new(Only(writes))).await? {
                Commit::Committed => return Ok(()),
                Commit::EpochMoved(_) | Commit::Conflict => {}
            }
        }
    }
}

/// Writes this, whatever is granted.
struct Only(Writes);

impl Deciding for Only {
    fn step(&mut self, _: &[Granted]) -> Step {
        Step::Write(Box::new(self.0.clone()))
    }
}
