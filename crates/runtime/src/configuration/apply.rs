//! Applying: the plan computed again, compared, and carried out in one step.

use std::{collections::BTreeMap, sync::Arc};

use program::{
    Bundle, Kind, Program, Revision, RevisionId,
    plan::{Choices, OriginKind, Plan},
    revision::Origin,
};
use store::{Condition, ControlWrites, ObjectRow, PromotionRow, RevisionRow};

use super::{
    PlanSource, Planned,
    holders::{came_to_hold, deleted_currencies, held_by_nobody},
};
use crate::{
    Environment, Error, Result,
    control::{Actor, Change, ControlDraft, EpochState},
    timers::schedule_points,
};

/// What to apply.
pub struct ApplyRequest {
    /// Where from.
    pub source: PlanSource,
    /// What was chosen (for a plan file: its own choices).
    pub choices: Choices,
    /// The digest that was reviewed; anything else is refused as stale.
    pub expect: Option<String>,
    /// The configuration that was read ([`crate::control::EpochState::configured`]); anything else is refused as stale.
    pub seen: Option<u64>,
    /// Who.
    pub actor: Actor,
    /// Why.
    pub message: Option<String>,
}

/// What applying came to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The plan that was carried out.
    pub plan: Plan,
    /// The head from now on; `None` when nothing was there to do.
    pub revision: Option<RevisionId>,
    /// The epoch from now on.
    pub epoch: u64,
}

impl Environment {
    /// Applies. Everything slow (planning, compiling) comes first; then one exclusive step moves the head.
    /// When this answers, no event is decided under the old head any more.
    pub async fn apply(&self, request: ApplyRequest) -> Result<Applied> {
        let state = self.as_seen(request.seen).await?;
        let planned = self.applicable(&state, &request).await?;
        if planned.plan.is_empty() && !planned.plan.moves_base() {
            return Ok(Applied { plan: planned.plan, revision: None, epoch: state.epoch });
        }
        self.carry_out(&state, planned, &request).await
    }

    /// The plan as it is now, if it is the one that was reviewed and nothing stands in its way.
    pub(super) async fn applicable(&self, state: &EpochState, request: &ApplyRequest) -> Result<Planned> {
        let planned = self.plan_at(state, &request.source, request.choices.clone(), BTreeMap::new()).await?;
        if let PlanSource::File(file) = &request.source
            && let Err(stale) = file.stale(&planned.plan)
        {
            return Err(self.stale(file, &planned.plan, &stale).await?);
        }
        if let Some(expect) = &request.expect
            && *expect != planned.plan.digest.to_string()
        {
            return Err(Error::Stale(format!(
                "the plan has digest {} now, not {expect}: something changed since it was reviewed; plan again",
                planned.plan.digest
            )));
        }
        if planned.plan.blocked() {
            // Somebody who changed it meanwhile has moved the base as well, and looks like a conflict.
            self.as_seen(Some(state.configured)).await?;
            return Err(Error::Blocked(planned.plan.blockers.iter().map(in_words).collect()));
        }
        Ok(planned)
    }

    pub(super) async fn carry_out(
        &self,
        state: &EpochState,
        planned: Planned,
        request: &ApplyRequest,
    ) -> Result<Applied> {
        let by = match planned.plan.source.origin.kind {
            OriginKind::Environment => "promote",
            OriginKind::Directory => "apply",
        };
        let moved = self.move_head(&planned, state.head, by, request).await;
        if came_to_hold(&moved) {
            // Planned again it is blocked, and says how many hold it.
            self.applicable(state, request).await?;
            return Err(self.held_for_a_moment());
        }
        let (revision, epoch) = moved?;
        Ok(Applied { plan: planned.plan, revision: Some(revision), epoch })
    }

    async fn move_head(
        &self,
        planned: &Planned,
        parent: Option<RevisionId>,
        by: &str,
        request: &ApplyRequest,
    ) -> Result<(RevisionId, u64)> {
        let plan = &planned.plan;
        let digest = plan.digest.to_string();
        let origin = match plan.source.origin.kind {
            OriginKind::Environment => Origin::Promotion {
                environment: plan.source.origin.name.clone(),
                revision: planned.source_revision,
                digest: digest.clone(),
            },
            OriginKind::Directory => Origin::Files { pulled: planned.pulled, digest: Some(digest.clone()) },
        };
        let message = request.message.clone().unwrap_or_default();
        let (revision, mut writes) =
            self.revision_of(&planned.result, parent, &request.actor, &message, origin)?;
        writes.conditions.extend(held_by_nobody(&deleted_currencies(plan)));
        writes.objects.extend(content(&planned.next_base));
        writes.promotion = Some(PromotionRow {
            epoch: planned.epoch + 1,
            source: plan.source.origin.id.clone(),
            source_manifest: planned.next_base.manifest_hash().0,
            source_revision: planned.source_revision.map(|revision| revision.0),
            digest: digest.clone(),
            plan: plan.to_json().map_err(|error| Error::Internal(error.to_string()))?.into(),
            actor: request.actor.to_string(),
            at: self.now(),
        });
        let change = Change::HeadMoved {
            revision,
            manifest: planned.result.manifest_hash(),
            by: by.to_owned(),
            digest: Some(digest),
            react: plan.choices.run_audience_reactors,
        };
        let draft = ControlDraft { actor: request.actor.clone(), message: request.message.clone(), change };
        let epoch = self.change(draft, writes, Some(planned.epoch)).await?;
        Ok((revision, epoch))
    }

    /// A new revision and everything that must be kept with it; also what must hold when the head moves to
    /// it, and its schedules.
    pub(super) fn revision_of(
        &self,
        bundle: &Bundle,
        parent: Option<RevisionId>,
        actor: &Actor,
        message: &str,
        origin: Origin,
    ) -> Result<(RevisionId, ControlWrites)> {
        // Compiled here, before the exclusive step: a faulty program never gets that far.
        let program = Program::compile(bundle).map_err(Error::Faults)?;
        let made_at = self.now();
        let revision = Revision {
            manifest: bundle.manifest(),
            parent,
            author: actor.to_string(),
            message: message.to_owned(),
            origin,
            made_at,
        };
        let id = revision.id();
        let secrets = bundle.specs.keys().filter(|address| address.kind == Kind::Secret);
        let writes = ControlWrites {
            conditions: secrets.map(|address| Condition::SecretBound(address.key.to_string())).collect(),
            objects: content(bundle),
            revisions: vec![RevisionRow {
                id: id.0,
                manifest: bundle.manifest_hash().0,
                canonical: revision.canonical().into(),
                made_at,
            }],
            schedules: Some(schedule_points(&program, made_at)),
            ..ControlWrites::default()
        };
        Ok((id, writes))
    }

    /// Edits one object of a test environment directly: a revision like any other. Live is locked: its
    /// configuration changes by promotion or apply.
    pub fn check_unlocked(&self) -> Result<()> {
        if self.is_live() {
            return Err(Error::Refused(format!(
                "environment `{}` is live and locked: its configuration changes by `apply` or promotion, not by single edits",
                self.name()
            )));
        }
        Ok(())
    }
}

/// A blocker in a line: which object, what is wrong, what to do.
fn in_words(blocker: &program::plan::Blocker) -> String {
    let mut text = blocker.address.as_ref().map(|address| format!("{address}: ")).unwrap_or_default();
    text.push_str(&blocker.message);
    if let Some(help) = &blocker.help {
        text.push_str(" (");
        text.push_str(help);
        text.push(')');
    }
    text
}

/// A bundle as content: each spec, and the manifest itself, under their hashes.
pub(super) fn content(bundle: &Bundle) -> Vec<ObjectRow> {
    let manifest = bundle.manifest();
    let mut rows: Vec<ObjectRow> = bundle
        .specs
        .iter()
        .filter_map(|(address, spec)| {
            Some(ObjectRow { hash: manifest.get(address)?.0, canonical: Arc::clone(spec) })
        })
        .collect();
    rows.push(ObjectRow {
        hash: bundle.manifest_hash().0,
        canonical: program::bundle::manifest_json(&manifest).to_string().into(),
    });
    rows
}
