//! Going back: a new revision equal to an old one. It rewrites no ledger.

use program::{Kind, RevisionId};

use crate::{
    Environment, Error, Result,
    control::{Actor, Change, ControlDraft},
};

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
        let origin = program::revision::Origin::Rollback { revision: to };
        let text = message.clone().unwrap_or_default();
        let (revision, writes) = self.revision_of(&bundle, state.head, &actor, &text, origin)?;
        let change = Change::HeadMoved {
            revision,
            manifest: bundle.manifest_hash(),
            by: "rollback".into(),
            digest: None,
            react: false,
        };
        let epoch = self.change(ControlDraft { actor, message, change }, writes, Some(state.epoch)).await?;
        Ok((revision, epoch))
    }

    /// Constants and secrets that a bundle declares and this environment has no value for.
    async fn unbound(
        &self,
        state: &crate::control::EpochState,
        bundle: &program::Bundle,
    ) -> Result<Vec<String>> {
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
