//! `greenroom migrate-store`.

use std::{io::Write, path::Path, sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use runtime::moving::{Arrived, Move, Moved, Progress as Told, Stage};
use serde_json::{Value, json};
use store::{Backend, RegistryRow};

use super::serve::{MASTER_KEY_FILE, folder};
use crate::{
    context::Context,
    exit::Exit,
    output::{
        Column, Table,
        text::{at, count, number},
    },
    progress::Progress,
    store::Place,
};

/// Move environments whole from one store into another
///
/// Between a data folder (sqlite:FOLDER) and a PostgreSQL database (postgres://…), either way. Nobody may serve
/// either store meanwhile. Everything moves: journal, configuration, outbox, keys, secrets, the list of erasures
/// and, without --environment, the administrators. Views are made again in the target; then everything is read
/// back and compared, and every decision is made again. The source is only read, but for what --registry notes. What is
/// broken off is not opened by anybody; the same command again begins it anew.
#[derive(Debug, clap::Args)]
pub(crate) struct MigrateStore {
    /// The store to move from: sqlite:FOLDER or postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "GREENROOM_FROM", hide_env_values = true, value_name = "URL")]
    from: String,
    /// The store to move to; it must not have the environments yet
    #[arg(long, env = "GREENROOM_TO", hide_env_values = true, value_name = "URL")]
    to: String,
    /// Only this environment, and no administrators (repeated)
    #[arg(long = "environment", short, value_name = "NAME")]
    environments: Vec<String>,
    /// The main store of servers whose configuration file gives these environments stores of their own: it is noted
    /// there where they are now. May be --from or --to
    #[arg(long, env = "GREENROOM_REGISTRY", hide_env_values = true, value_name = "URL")]
    registry: Option<String>,
}

const NOTING: &str = "noting in the registry where they are; the same command again does only that";

impl MigrateStore {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let from = Place::parse(&self.from).context("--from")?;
        let to = Place::parse(&self.to).context("--to")?;
        ensure!(!from.is(&to), "--from and --to are the same store");
        let registry = self.registry.as_deref().map(Place::parse).transpose().context("--registry")?;
        // What is made (data files, logs of the store) is its owner's alone.
        rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let value = runtime.block_on(self.carry_over(&from, &to, registry.as_ref(), context))?;
        context.show(&value, |out| told(out, &value))?;
        context.note(&afterwards(&to))?;
        Ok(Exit::Done)
    }

    async fn carry_over(
        &self,
        from: &Place,
        to: &Place,
        registry: Option<&Place>,
        context: &mut Context,
    ) -> Result<Value> {
        let source = from.open_existing().await.context("opening the source (its server must be stopped)")?;
        let places = [from.folder(), Some(context.global.data.as_path())];
        let places: Vec<&Path> = places.into_iter().flatten().collect();
        let master_key = folder::master_key_there(&places)?;
        let target = opened_target(to).await.context("opening the target (its servers must be stopped)")?;
        // A folder can be opened once only.
        let registry = match registry {
            None => None,
            Some(place) if place.is(from) => Some(Arc::clone(&source)),
            Some(place) if place.is(to) => Some(Arc::clone(&target)),
            Some(place) => Some(
                place.open_existing().await.context("opening the registry (its servers must be stopped)")?,
            ),
        };
        let moving = Move::new(source, target, master_key);
        if let Some(registry) = &registry {
            let there = moving.arrived(&self.environments).await?;
            moving.fits(&**registry, &there).await?;
            moving.note(&**registry, &there).await.context(NOTING)?;
            if !there.is_empty() {
                let noted: Vec<&str> = there.iter().map(|row| row.name.as_str()).collect();
                return Ok(
                    json!({ "environments": [], "administrators": null, "noted": noted, "registered": [] }),
                );
            }
        }
        let rows = moving.environments(&self.environments).await?;
        if let Some(registry) = &registry {
            moving.fits(&**registry, &rows).await?;
        }
        let (mut arrived, mut seconds) = (Vec::new(), Vec::new());
        for row in &rows {
            let begun = Instant::now();
            arrived.push(one(&moving, row, context).await.with_context(|| format!("moving {}", row.name))?);
            seconds.push(begun.elapsed().as_secs_f64());
        }
        let administrators =
            if self.environments.is_empty() { Some(moving.administrators().await?) } else { None };
        let moved = moving.finish(arrived).await?;
        if let Some(registry) = &registry {
            moving.note(&**registry, &rows).await.context(NOTING)?;
        }
        let registered = if self.environments.is_empty() { moving.registered().await? } else { Vec::new() };
        let moved: Vec<Value> =
            moved.iter().zip(seconds).map(|(moved, seconds)| shown(moved, seconds)).collect();
        Ok(json!({
            "environments": moved, "administrators": administrators, "noted": [], "registered": registered,
        }))
    }
}

async fn opened_target(to: &Place) -> Result<Arc<dyn Backend>> {
    if let Some(data) = to.folder() {
        folder::make(data)?;
    }
    to.open().await
}

/// Moves one environment, and says how far it is.
async fn one(moving: &Move, row: &RegistryRow, context: &mut Context) -> Result<Arrived> {
    let watched = context.watched;
    let (mut stage, mut progress) = (None, Progress::new(watched));
    let err = &mut *context.err;
    // That nobody reads it is no reason to stop.
    let arrived = moving
        .environment(row, &mut |told: Told<'_>| {
            if stage.replace(told.stage) != Some(told.stage) {
                progress = Progress::new(watched);
                if !progress.is_watched() {
                    let _ = writeln!(err, "{}: {}", told.environment, begins(told.stage));
                }
            }
            let _ = progress.tell(err, told.done, |rate| so_far(told, rate));
        })
        .await;
    let _ = progress.end(err);
    Ok(arrived?)
}

fn begins(stage: Stage) -> &'static str {
    match stage {
        Stage::Carrying => "carrying records over",
        Stage::Views => "making views again",
        Stage::Comparing => "reading records back, to compare them",
        Stage::ComparingViews => "comparing views",
        Stage::Verifying => "making every decision again",
    }
}

fn so_far(told: Told<'_>, rate: u64) -> String {
    let parts = if told.stage == Stage::ComparingViews { "parts" } else { "records" };
    format!(
        "{}: {}: {} of {} {parts} ({}%), {} a second",
        told.environment,
        begins(told.stage),
        count_of(told.done),
        count_of(told.total),
        told.done * 100 / told.total.max(1),
        count_of(rate),
    )
}

fn count_of(n: u64) -> String {
    count(i64::try_from(n).unwrap_or(i64::MAX))
}

fn shown(moved: &Moved, seconds: f64) -> Value {
    json!({
        "environment": moved.environment, "kind": moved.kind, "rows": moved.rows, "profiles": moved.profiles,
        "ledger": moved.ledger, "redecided": moved.redecided, "seconds": (seconds * 1000.0).round() / 1000.0,
    })
}

fn told(out: &mut dyn Write, value: &Value) -> Result<()> {
    let names = |list: &str| -> Vec<String> {
        let names = value[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    };
    for name in names("noted") {
        writeln!(out, "{name}: in the target already, equal in every row; that is noted now")?;
    }
    for name in names("registered") {
        writeln!(out, "{name}: has a store of its own, which keeps it; it is registered in the target")?;
    }
    let rows = &value["environments"];
    let moved = rows.as_array().is_some_and(|rows| !rows.is_empty());
    if moved {
        let table = Table::of(
            rows,
            &[
                ("environment", "/environment", Column::Plain),
                ("records", "/rows/records", Column::Number),
                ("profiles", "/profiles", Column::Number),
                ("quarantine", "/rows/quarantine_records", Column::Number),
                ("revisions", "/rows/revisions", Column::Number),
                ("outbox", "/rows/outbox_rows", Column::Number),
                ("keys", "/rows/keys", Column::Number),
                ("secrets", "/rows/secrets", Column::Number),
                ("erasures", "/rows/erasures", Column::Number),
            ],
        );
        write!(out, "{table}")?;
    }
    for row in rows.as_array().into_iter().flatten() {
        writeln!(out, "{}: ledger {}", at(row, "/environment"), at(row, "/ledger"))?;
    }
    if value["administrators"].is_u64() {
        writeln!(out, "administrators: {}", number(value, "/administrators"))?;
    }
    if moved {
        writeln!(out, "all of it is equal on both sides, and every decision came out the same again")?;
    }
    Ok(())
}

/// What is left to do.
fn afterwards(to: &Place) -> String {
    let place = match to.folder() {
        Some(folder) => format!(" (`{MASTER_KEY_FILE}` in {}, or GREENROOM_MASTER_KEY)", folder.display()),
        None => " (GREENROOM_MASTER_KEY, or their data folder's)".to_owned(),
    };
    format!(
        "The target's servers need the source's master key{place}: constants and secrets are sealed with it. Do not \
         serve the source any more: what it took in from now on would be missing here."
    )
}
