//! Going back: a new revision equal to an old one. It rewrites no ledger.

use std::collections::BTreeSet;

use program::{Address, Bundle, Key, Kind, RevisionId};

use super::holders::{came_to_hold, held_by_nobody, missing_currencies};
use crate::{
    Environment, Error, Result,
    control::{Actor, Change, ControlDraft, EpochState},
};

/// Where to go back to, and from where.
pub(super) struct GoBack {
    pub(super) to: RevisionId,
    /// What the head will say.
    pub(super) bundle: Bundle,
    /// What it says.
    pub(super) here: Bundle,
    pub(super) actor: Actor,
    pub(super) message: Option<String>,
}

impl Environment {
    /// Moves the head to a new revision that says what `to` said. What was decided meanwhile stays decided.
    /// `seen` refuses it when the configuration is no longer the one that was read.
    pub async fn rollback(
        &self,
        to: RevisionId,
        actor: Actor,
        message: Option<String>,
        seen: Option<u64>,
    ) -> Result<(RevisionId, u64)> {
        let state = self.as_seen(seen).await?;
        let Some(row) = self.store.revision(to.0).await? else {
            return Err(Error::Missing {
                what: "revision",
                name: to.to_string(),
                environment: self.name().to_owned(),
            });
        };
        if state.manifest.is_some_and(|manifest| manifest.0 == row.manifest) {
            return Err(Error::Refused(format!(
                "environment `{}` already says what revision {to} says: nothing to roll back",
                self.name()
            )));
        }
        let bundle = self.epochs.bundle(to).await?;
        let unbound = self.unbound(&state, &bundle).await?;
        if !unbound.is_empty() {
            return Err(Error::Blocked(unbound));
        }
        let here = match state.head {
            Some(head) => self.epochs.bundle(head).await?,
            None => Bundle::default(),
        };
        self.not_held(&missing_currencies(&here, &bundle), &here).await?;
        self.go_back(&state, GoBack { to, bundle, here, actor, message }).await
    }

    /// Moves the head, unless somebody has come to hold since what goes with it.
    pub(super) async fn go_back(&self, state: &EpochState, back: GoBack) -> Result<(RevisionId, u64)> {
        let GoBack { to, bundle, here, actor, message } = back;
        let gone = missing_currencies(&here, &bundle);
        let origin = program::revision::Origin::Rollback { revision: to };
        let text = message.clone().unwrap_or_default();
        let (revision, mut writes) = self.revision_of(&bundle, state.head, &actor, &text, origin)?;
        writes.conditions.extend(held_by_nobody(&gone));
        let change = Change::HeadMoved {
            revision,
            manifest: bundle.manifest_hash(),
            by: "rollback".into(),
            digest: None,
            react: false,
        };
        let moved = self.change(ControlDraft { actor, message, change }, writes, Some(state.epoch)).await;
        if came_to_hold(&moved) {
            self.not_held(&gone, &here).await?;
            return Err(self.held_for_a_moment());
        }
        Ok((revision, moved?))
    }

    /// Refuses to take away currencies that somebody holds.
    async fn not_held(&self, gone: &BTreeSet<Key>, here: &Bundle) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        let held = self.holders(gone).await?;
        if held.is_empty() {
            return Ok(());
        }
        let told = held.iter().map(|(key, held)| {
            let address = Address { kind: Kind::Currency, key: key.clone() };
            format!(
                "{address}: {} (apply the files of then with this one kept, without the reactors that use it, until nobody holds it any more)",
                held.told(&address, here)
            )
        });
        Err(Error::Blocked(told.collect()))
    }

    /// Constants and secrets that a bundle declares and this environment has no value for.
    async fn unbound(&self, state: &EpochState, bundle: &Bundle) -> Result<Vec<String>> {
        let program = program::Program::compile(bundle).map_err(Error::Faults)?;
        let secrets = self.bound_secrets().await?;
        let mut unbound: Vec<String> = program
            .constants
            .iter()
            .filter(|(key, constant)| constant.default.is_none() && !state.constants.contains_key(*key))
            .map(|(key, _)| format!("constant `{key}` has no value in environment `{}`", self.name()))
            .collect();
        unbound.extend(
            bundle
                .specs
                .keys()
                .filter(|address| address.kind == Kind::Secret && !secrets.contains(&address.key))
                .map(|address| {
                    format!("secret `{}` has no value in environment `{}`", address.key, self.name())
                }),
        );
        Ok(unbound)
    }
}
