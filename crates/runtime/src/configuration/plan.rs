//! Planning: what would change in the target, computed against the target as it is now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use program::{
    Bundle, Key, ManifestHash, Program, RevisionId,
    plan::{Choices, Crossing, Facts, Origin, OriginKind, Plan, PlanInput},
};

use store::PromotionRow;

use super::holders::deleted_currencies;
use crate::{
    Environment, Error, Result,
    control::{EpochState, hex},
};

/// Where a plan's configuration comes from.
#[derive(Clone)]
pub enum PlanSource {
    /// Another environment's head.
    Environment(Arc<Environment>),
    /// A folder of files.
    Directory {
        /// What it says.
        bundle: Bundle,
        /// A name for people, e.g. the folder's.
        name: String,
        /// The revision of the target it was pulled from, if it records one: the base of the comparison.
        pulled: Option<RevisionId>,
    },
    /// A plan file: its own objects, origin and choices.
    File(Box<Plan>),
}

/// All folders of files count as one source: what was last applied from files is the base of the next.
const FILES: &str = "files";

/// A plan with what applying needs besides.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The target after applying.
    pub(super) result: Bundle,
    /// What to record as last promoted from this source.
    pub(super) next_base: Bundle,
    /// The control position it was computed at.
    pub(super) epoch: u64,
    /// The source's head.
    pub(super) source_revision: Option<RevisionId>,
    /// The revision a folder was pulled from.
    pub(super) pulled: Option<RevisionId>,
}

impl Planned {
    /// The target after applying.
    pub fn result(&self) -> &Bundle {
        &self.result
    }
}

impl Environment {
    /// The objects of the head.
    pub async fn bundle(&self) -> Result<Bundle> {
        match self.epochs.refresh().await?.head {
            Some(head) => self.epochs.bundle(head).await,
            None => Ok(Bundle::default()),
        }
    }

    /// Plans a change of this environment. Counts who would cross an audience's border when that is in
    /// question.
    pub async fn plan(&self, source: &PlanSource, choices: Choices) -> Result<Planned> {
        let state = self.epochs.refresh().await?;
        let planned = self.plan_at(&state, source, choices.clone(), BTreeMap::new()).await?;
        if planned.plan.effects.audiences.is_empty() || planned.plan.blocked() {
            return Ok(planned);
        }
        let crossings = self.crossings(&state, &planned.result).await?;
        self.plan_at(&state, source, choices, crossings).await
    }

    /// Plans at a given control position; `counted` is who would cross an audience's border, once that is known.
    pub(super) async fn plan_at(
        &self,
        state: &EpochState,
        source: &PlanSource,
        choices: Choices,
        counted: BTreeMap<Key, Crossing>,
    ) -> Result<Planned> {
        let target = match state.head {
            Some(head) => self.epochs.bundle(head).await?,
            None => Bundle::default(),
        };
        let (origin, bundle, source_revision, pulled) = self.read_source(source).await?;
        let base = self.base(source, &origin, pulled).await?;
        let mut facts = Facts { crossings: counted, ..self.facts(state).await? };
        let check = |bundle: &Bundle| Program::compile(bundle).err().unwrap_or_default();
        let compute = |facts: &Facts| {
            Plan::compute(&PlanInput {
                origin: origin.clone(),
                source_revision,
                source: &bundle,
                target_id: hex(&self.id()),
                target_name: self.name().to_owned(),
                epoch: state.configured,
                head: state.head,
                target: &target,
                base: base.as_ref(),
                choices: choices.clone(),
                facts,
                check: &check,
            })
            .map_err(|error| Error::Refused(error.to_string()))
        };
        let mut computed = compute(&facts)?;
        let gone = deleted_currencies(&computed.plan);
        if !gone.is_empty() {
            facts.held = self.holders(&gone).await?;
            computed = compute(&facts)?;
        }
        Ok(Planned {
            plan: computed.plan,
            result: computed.result,
            next_base: computed.next_base,
            epoch: state.epoch,
            source_revision,
            pulled,
        })
    }

    async fn read_source(
        &self,
        source: &PlanSource,
    ) -> Result<(Origin, Bundle, Option<RevisionId>, Option<RevisionId>)> {
        match source {
            PlanSource::Environment(from) => {
                if from.id() == self.id() {
                    return Err(Error::Refused(format!(
                        "source and target are both environment `{}`: name two different ones",
                        self.name()
                    )));
                }
                let state = from.epochs.refresh().await?;
                // Of this very state, so that what is promoted is what the promotion says.
                let bundle = match state.head {
                    Some(head) => from.epochs.bundle(head).await?,
                    None => Bundle::default(),
                };
                let origin = Origin {
                    kind: OriginKind::Environment,
                    id: hex(&from.id()),
                    name: from.name().to_owned(),
                };
                Ok((origin, bundle, state.head, None))
            }
            PlanSource::Directory { bundle, name, pulled } => {
                let origin = Origin { kind: OriginKind::Directory, id: FILES.into(), name: name.clone() };
                Ok((origin, bundle.clone(), None, *pulled))
            }
            PlanSource::File(plan) => {
                // A file that was planned from a folder names the base by manifest: it must still be ours.
                let bundle = plan.source_bundle();
                Ok((plan.source.origin.clone(), bundle, plan.source.revision, None))
            }
        }
    }

    /// What both sides last agreed on. For a folder that records what it was pulled from: that. Between two
    /// environments: the newer of what was promoted one way or the other. For a folder never applied here:
    /// what was last promoted here from anywhere (an environment made from another begins like that).
    async fn base(
        &self,
        source: &PlanSource,
        origin: &Origin,
        pulled: Option<RevisionId>,
    ) -> Result<Option<Bundle>> {
        if let Some(pulled) = pulled
            && self.store.revision(pulled.0).await?.is_some()
        {
            return self.epochs.bundle(pulled).await.map(Some);
        }
        if let PlanSource::File(plan) = source {
            // The file names what it was compared with: what the source recorded is not at hand here.
            // Whatever was promoted since moved the target, and makes the file stale.
            return self.base_of_file(plan.base.manifest).await;
        }
        let here = self.last_promotion(|row| row.source == origin.id).await?;
        let there = match source {
            PlanSource::Environment(from) => {
                let own = hex(&self.id());
                from.last_promotion(|row| row.source == own).await?.map(|row| (from, row))
            }
            _ => None,
        };
        match (here, there) {
            (Some(here), Some((from, there))) if there.at > here.at => {
                from.manifest_bundle(ManifestHash(there.source_manifest)).await.map(Some)
            }
            (Some(here), _) => self.manifest_bundle(ManifestHash(here.source_manifest)).await.map(Some),
            (None, Some((from, there))) => {
                from.manifest_bundle(ManifestHash(there.source_manifest)).await.map(Some)
            }
            (None, None) if origin.kind == OriginKind::Directory => {
                match self.last_promotion(|_| true).await? {
                    Some(any) => self.manifest_bundle(ManifestHash(any.source_manifest)).await.map(Some),
                    None => Ok(None),
                }
            }
            (None, None) => Ok(None),
        }
    }

    async fn base_of_file(&self, manifest: Option<ManifestHash>) -> Result<Option<Bundle>> {
        let Some(manifest) = manifest else { return Ok(None) };
        match self.manifest_bundle(manifest).await {
            Err(Error::Missing { .. }) => Err(Error::Stale(format!(
                "the plan compares with the manifest {manifest}, which environment `{}` never had; make a new plan",
                self.name()
            ))),
            found => found.map(Some),
        }
    }

    /// The newest promotion recorded here that fits.
    async fn last_promotion(&self, fits: impl Fn(&PromotionRow) -> bool) -> Result<Option<PromotionRow>> {
        let mut after = None;
        loop {
            let page = self.store.promotions(after, 100).await?;
            if let Some(row) = page.rows.into_iter().find(|row| fits(row)) {
                return Ok(Some(row));
            }
            after = page.next;
            if after.is_none() {
                return Ok(None);
            }
        }
    }

    /// The objects of a manifest that is kept as an object itself (the base of a comparison).
    async fn manifest_bundle(&self, manifest: ManifestHash) -> Result<Bundle> {
        let missing = || Error::Missing {
            what: "manifest",
            name: manifest.to_string(),
            environment: self.name().to_owned(),
        };
        let row = self.store.objects(&[manifest.0]).await?.pop().flatten().ok_or_else(missing)?;
        let entries: BTreeMap<program::Address, program::SpecHash> =
            serde_json::from_str(&row.canonical).map_err(|error| Error::Internal(error.to_string()))?;
        let hashes: Vec<[u8; 32]> = entries.values().map(|hash| hash.0).collect();
        let rows = self.store.objects(&hashes).await?;
        let mut bundle = Bundle::default();
        for (address, row) in entries.into_keys().zip(rows) {
            bundle.specs.insert(address, row.ok_or_else(missing)?.canonical);
        }
        Ok(bundle)
    }

    /// What is true here beside the configuration: bindings and members. Who holds a currency is looked up only
    /// when it would be deleted.
    async fn facts(&self, state: &EpochState) -> Result<Facts> {
        let mut facts = Facts::default();
        for (key, sealed) in &state.constants {
            facts.constants.insert(key.clone(), self.epochs.open_constant(key, sealed)?);
        }
        facts.secrets = self.bound_secrets().await?;
        for (audience, count) in self.store.member_counts().await? {
            if let Ok(key) = Key::new(&audience) {
                facts.members.insert(key, count);
            }
        }
        Ok(facts)
    }

    pub(super) async fn bound_secrets(&self) -> Result<BTreeSet<Key>> {
        let rows = self.store.secrets().await?;
        Ok(rows.iter().filter_map(|row| Key::new(&row.key).ok()).collect())
    }
}
