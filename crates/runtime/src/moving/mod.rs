//! Moving environments whole from one store into another, both at rest.
//!
//! Everything that the journal does not make again is carried over row by row, as the same bytes
//! ([`store::Carried`]); views are made again from the records in the target; then everything is read back and
//! compared, and every decision is made again. Only then is it marked as made. The source is only read.

mod compare;
mod copy;
mod tally;
mod views;

use std::{collections::BTreeMap, sync::Arc};

use engine::profile::Standing;
use serde::Serialize;
use store::{AdministratorRow, Backend, Making, RegistryRow};

use crate::{
    Environment, Error, Result,
    clock::{SharedClock, SystemClock},
    environment::Options,
    history::Verified,
    master_key, nodes, work,
};

/// What is being done to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Records, and what stands before and after them, are being carried over.
    Carrying,
    /// Views are being made again.
    Views,
    /// The target is being read back, to be compared.
    Comparing,
    /// Views are being compared; counted in parts of views.
    ComparingViews,
    /// Decisions are being made again.
    Verifying,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Which environment.
    pub environment: &'a str,
    /// What is being done.
    pub stage: Stage,
    /// How many records of profiles that has done (of views: parts).
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// Who is told how far it is.
pub type Tell<'a> = &'a mut dyn FnMut(Progress<'_>);

/// What was moved of one environment: equal on both sides.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// Its name.
    pub environment: String,
    /// `live` or `test`.
    pub kind: &'static str,
    /// How many rows of each kind: `records` (of profiles), `quarantine_records`, `control_records`,
    /// `outbox_rows`, `keys` and so on.
    pub rows: BTreeMap<&'static str, u64>,
    /// Profiles.
    pub profiles: u64,
    /// The ledger hash, over the journal's headers: `sha256:` and hexadecimal. `docs/operating.md` says of what.
    pub ledger: String,
    /// Records decided again in the target, equal to the byte.
    pub redecided: u64,
}

/// Nobody may serve what is moved: what they take in from now on would stay behind.
const OF_THE_SOURCE: &str = " of the source";

/// A move from one store into another.
pub struct Move {
    from: Arc<dyn Backend>,
    to: Arc<dyn Backend>,
    master_key: [u8; 32],
    clock: SharedClock,
}

/// An environment that has arrived, and is not marked as made yet.
pub struct Arrived {
    /// What was moved.
    pub moved: Moved,
    making: Arc<dyn Making>,
}

impl Move {
    /// Between these, sealed with this master key.
    pub fn new(from: Arc<dyn Backend>, to: Arc<dyn Backend>, master_key: [u8; 32]) -> Self {
        Self { from, to, master_key, clock: Arc::new(SystemClock) }
    }

    /// The environments of these names (all, without names), after a look at both sides: what cannot be moved is
    /// refused before anything is written.
    pub async fn environments(&self, names: &[String]) -> Result<Vec<RegistryRow>> {
        let (from, to) = (self.from.environments().await?, self.to.environments().await?);
        let known: Vec<&str> = from.iter().map(|row| row.name.as_str()).collect();
        if from.is_empty() {
            return Err(Error::Refused("the source holds no environment".to_owned()));
        }
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Error::Refused(format!(
                "the source has no environment `{name}`; there are: {}",
                known.join(", ")
            )));
        }
        let wanted: Vec<RegistryRow> =
            from.iter().filter(|row| names.is_empty() || names.contains(&row.name)).cloned().collect();
        let (wanted, others): (Vec<RegistryRow>, Vec<RegistryRow>) =
            wanted.into_iter().partition(|row| row.elsewhere.is_none());
        if let Some(row) = others.iter().find(|row| names.contains(&row.name)) {
            return Err(Error::Refused(format!(
                "environment `{}` is only registered in the source; the store that the configuration file names for it \
                 keeps it. Name that with --from",
                row.name
            )));
        }
        if let Some(row) = wanted.iter().find(|row| row.making) {
            return Err(Error::Refused(format!(
                "environment `{}` of the source is not whole itself: making it was broken off",
                row.name
            )));
        }
        let there: Vec<&RegistryRow> =
            to.iter().filter(|row| !row.making && row.elsewhere.is_none()).collect();
        let taken =
            |row: &RegistryRow| there.iter().any(|other| other.id == row.id || other.name == row.name);
        let (there, missing): (Vec<&RegistryRow>, Vec<&RegistryRow>) =
            wanted.iter().partition(|row| taken(row));
        if there.is_empty() {
            for row in &wanted {
                let source = self.from.open(&row.name).await?;
                nodes::unserved(&source, OF_THE_SOURCE).await?;
                source.close().await?;
            }
            return Ok(wanted);
        }
        let list = |rows: &[&RegistryRow]| {
            rows.iter().map(|row| format!("`{}`", row.name)).collect::<Vec<_>>().join(", ")
        };
        let others = if missing.is_empty() {
            String::new()
        } else {
            format!(", or move only what is not there ({}) with --environment", list(&missing))
        };
        Err(Error::Refused(format!(
            "the target has {} already, and nothing is written over; nothing was moved. Use a target that no server has \
             served yet{others}",
            list(&there)
        )))
    }

    /// Moves one environment, up to and with the comparison. Whatever stops it leaves the source as it was, and
    /// in the target something that nobody opens and the next move begins anew.
    pub async fn environment(&self, row: &RegistryRow, tell: Tell<'_>) -> Result<Arrived> {
        let source = self.from.open(&row.name).await?;
        let arrived = self.carry(row, &source, tell).await;
        source.close().await?;
        arrived
    }

    async fn carry(
        &self,
        row: &RegistryRow,
        source: &Arc<dyn store::Environment>,
        tell: Tell<'_>,
    ) -> Result<Arrived> {
        self.fit(source).await?;
        let (records, epoch) = (source.record_count().await?, source.epoch().await?);
        let (_, profiles) = source.behind_count([0; 32]).await?;
        let mut tell = |stage, done, total| {
            tell(Progress { environment: &row.name, stage, done, total });
        };
        let making = self.to.begin(source.identity().clone(), row.made_at).await?;
        let told = copy::copy(source, &making, records, &mut tell).await?;
        nodes::unserved(source, OF_THE_SOURCE).await?;
        if (source.record_count().await?, source.epoch().await?) != (records, epoch)
            || told.count("records") != records
        {
            return Err(Error::Refused(format!(
                "environment `{}` changed while it was being moved: stop every server of the source, and move it again",
                row.name
            )));
        }
        let target = making.environment();
        let environment = self.at_rest(&target).await?;
        views::make(&environment, &making, (records, profiles), &mut tell).await?;
        let mut differences = compare::rows(&told, &target, records, &mut tell).await?;
        let quarantined = told.count("quarantine_records");
        let much = compare::Much { records, profiles, quarantined };
        differences.extend(compare::views(source, &target, much, &mut tell).await?);
        tell(Stage::Verifying, 0, records);
        let verified = environment.verify(&work::Progress::default()).await?;
        differences.extend(found(&verified));
        target.close().await?;
        if !differences.is_empty() {
            return Err(unequal(&row.name, &differences));
        }
        let kind = if row.live { "live" } else { "test" };
        let moved = Moved {
            environment: row.name.clone(),
            kind,
            rows: told.counts(),
            profiles,
            ledger: told.ledger(),
            redecided: verified.redecided,
        };
        Ok(Arrived { moved, making })
    }

    async fn at_rest(&self, store: &Arc<dyn store::Environment>) -> Result<Arc<Environment>> {
        let clock = Arc::clone(&self.clock);
        let (environment, _) =
            Environment::at_rest(Arc::clone(store), &self.master_key, clock, Options::default()).await?;
        Ok(environment)
    }

    /// Whether it can be moved: what is sealed opens, and nobody is waiting to be erased again.
    async fn fit(&self, source: &Arc<dyn store::Environment>) -> Result<()> {
        let name = &source.identity().name;
        let opened = async {
            let environment = self.at_rest(source).await?;
            environment.constants()?;
            for secret in source.secrets().await? {
                environment.seal.open(&master_key::bound(&secret.key), &secret.sealed)?;
            }
            Ok(environment)
        };
        let environment = match opened.await {
            Err(Error::Sealed(what)) => {
                return Err(Error::Refused(format!(
                    "environment `{name}`: {what} cannot be unsealed, the master key is not the one it was sealed with. \
                     Give the source's own in GREENROOM_MASTER_KEY, or its data folder with --data"
                )));
            }
            other => other?,
        };
        let mut pending = 0;
        for profile in source.erasures_pending().await? {
            // Who had been erased when the backup was made is noted as well; of them nothing came back.
            let state = environment.profile(profile).await?;
            pending += u64::from(state.is_some_and(|state| state.standing != Standing::Erased));
        }
        if pending > 0 {
            return Err(Error::Refused(format!(
                "environment `{name}` was restored from a backup and has not been served since: {pending} people are \
                 to be erased again first. Start a server on the source once, stop it, and move it then"
            )));
        }
        Ok(())
    }

    /// Marks environments as made, one after the other.
    pub async fn finish(&self, arrived: Vec<Arrived>) -> Result<Vec<Moved>> {
        let mut moved = Vec::with_capacity(arrived.len());
        for one in arrived {
            one.making.finish().await?;
            moved.push(one.moved);
        }
        Ok(moved)
    }

    /// Of the environments of these names (all, without names) those that are in the target already, whole and equal in
    /// everything that is carried: they were moved, and that is not noted yet.
    pub async fn arrived(&self, names: &[String]) -> Result<Vec<RegistryRow>> {
        let there = self.to.environments().await?;
        let is_there = |row: &RegistryRow| {
            there.iter().any(|there| there.id == row.id && !there.making && there.elsewhere.is_none())
        };
        let mut arrived = Vec::new();
        for row in self.from.environments().await? {
            let asked = names.is_empty() || names.contains(&row.name);
            if !asked || row.elsewhere.is_some() || row.making || !is_there(&row) {
                continue;
            }
            let (source, target) = (self.from.open(&row.name).await?, self.to.open(&row.name).await?);
            nodes::unserved(&source, OF_THE_SOURCE).await?;
            let (left, right) = (copy::tally(&source).await?, copy::tally(&target).await?);
            source.close().await?;
            target.close().await?;
            let differences = left.differences(&right);
            if !differences.is_empty() {
                return Err(Error::Refused(format!(
                    "the target has an environment `{}` already, and it is not as the source's is: {}. Nothing is \
                     written over or noted",
                    row.name,
                    differences.join("; ")
                )));
            }
            arrived.push(row);
        }
        Ok(arrived)
    }

    /// Refuses a registry that knows another environment by one of these names, or these by other names, and one that has
    /// never heard of them: it is not the main store of their servers. (The source and the target may be it.)
    pub async fn fits(&self, registry: &dyn Backend, rows: &[RegistryRow]) -> Result<()> {
        let id = registry.id().await?;
        let known = registry.environments().await?;
        let is_unknown = |row: &&RegistryRow| known.iter().all(|known| known.id != row.id);
        if let Some(row) = rows.iter().find(is_unknown)
            && id != self.from.id().await?
            && id != self.to.id().await?
        {
            return Err(Error::Refused(format!(
                "the registry has never heard of environment `{}`, so its servers do not use it; nothing was moved or noted. \
                 Name their main store with --registry",
                row.name
            )));
        }
        for known in known {
            let other = |row: &RegistryRow| (row.name == known.name) != (row.id == known.id);
            if rows.iter().any(other) {
                return Err(Error::Refused(format!(
                    "the registry's `{}` is another environment than the one that is to be moved; nothing was moved",
                    known.name
                )));
            }
        }
        Ok(())
    }

    /// Notes in a registry that the target keeps these now.
    pub async fn note(&self, registry: &dyn Backend, rows: &[RegistryRow]) -> Result<()> {
        let elsewhere = Some(self.to.id().await?);
        if Some(registry.id().await?) == elsewhere {
            // It said so itself when they were made there.
            return Ok(());
        }
        for row in rows {
            registry.register(RegistryRow { elsewhere, ..row.clone() }).await?;
        }
        Ok(())
    }

    /// Registers in the target what the source only knows of, because other stores keep it; their names. What the target
    /// keeps itself stays so: it was moved there.
    pub async fn registered(&self) -> Result<Vec<String>> {
        let (there, own) = (self.to.environments().await?, self.to.id().await?);
        let mut names = Vec::new();
        for row in self.from.environments().await?.into_iter().filter(|row| row.elsewhere.is_some()) {
            let kept = |known: &RegistryRow| known.id == row.id && known.elsewhere.is_none() && !known.making;
            if row.elsewhere == Some(own) || there.iter().any(kept) || there.contains(&row) {
                continue;
            }
            names.push(row.name.clone());
            self.to.register(row).await?;
        }
        Ok(names)
    }

    /// Carries the administrators over, with their hashed tokens; how many there are. Those that are there
    /// already are left as they are.
    pub async fn administrators(&self) -> Result<u64> {
        let rows = self.from.administrators().await?;
        let there = self.to.administrators().await?;
        let find = |there: &[AdministratorRow], id: &str| there.iter().find(|row| row.id == id).cloned();
        for row in &rows {
            match find(&there, &row.id) {
                None => self.to.put_administrator(row.clone()).await?,
                Some(same) if same == *row => {}
                Some(_) => return Err(Error::Refused(other_administrator(&row.name))),
            }
        }
        let there = self.to.administrators().await?;
        match rows.iter().find(|row| find(&there, &row.id).as_ref() != Some(row)) {
            Some(row) => Err(Error::Refused(other_administrator(&row.name))),
            None => Ok(rows.len() as u64),
        }
    }
}

fn other_administrator(name: &str) -> String {
    format!(
        "administrator `{name}` is in the target already, and is not the same there; nothing is written over"
    )
}

fn found(verified: &Verified) -> Vec<String> {
    let shown = verified.findings.iter().take(5);
    let mut told: Vec<String> =
        shown.map(|finding| format!("verify: {} {}: {}", finding.code, finding.at, finding.what)).collect();
    if verified.findings_total > 5 {
        told.push(format!("verify: {} findings in all", verified.findings_total));
    }
    told
}

fn unequal(name: &str, differences: &[String]) -> Error {
    Error::Refused(format!(
        "environment `{name}` did not arrive as it left: {}. In the target it is not marked as made, and nobody opens \
         it. If `greenroom verify` finds the same in the source, repair it there (`greenroom rebuild`); then run the \
         same command again, which begins it anew",
        differences.join("; ")
    ))
}
