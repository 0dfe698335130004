//! The database crashes, and nodes do, in the middle of an import: it comes to the same as if none had.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use examples::record_shop;
use serde_json::json;

use super::{
    import::{begin, ended, files},
    place::{Nodes, all_have, stop},
};
use crate::{
    import::whole_history,
    place::{totals, verified},
};

const DATABASE_CRASHES: usize = 5;
const NODE_CRASHES: usize = 6;
/// Enough for a node to be killed so often before all are in.
const ORDERS: usize = 25_000;
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn the_database_crashes_during_the_whole_history_and_nothing_is_lost_or_doubled() -> Result<()> {
    let nodes = Nodes::new(1)?;
    let (running, _) = nodes.begin()?;
    let mut import = begin(&running[0], &files(&nodes, usize::MAX)?[0])?;
    let mut seen = 0;
    for crash in 0..DATABASE_CRASHES {
        // Only where it goes on after the crash before.
        let give_up = Instant::now() + PATIENCE;
        loop {
            ensure!(import.try_wait()?.is_none(), "the import ended before crash {crash}");
            ensure!(Instant::now() < give_up, "it does not go on after crash {crash}");
            let records = totals(&running[0], "live").map(|totals| totals["records"].as_u64().unwrap_or(0));
            if let Ok(records) = records
                && records > seen + 2_000
            {
                seen = records;
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        nodes.postgres.crash_and_recover()?;
    }
    ended(import)?;
    all_have(&running, &whole_history())?;
    stop(running)
}

#[test]
fn kill_9_of_a_node_during_an_import_changes_nothing() -> Result<()> {
    let nodes = Nodes::new(1)?;
    let file = files(&nodes, ORDERS)?.remove(0);
    let (mut running, _) = nodes.begin()?;
    let mut interrupted = 0;
    for round in 0..NODE_CRASHES {
        let mut import = begin(&running[0], &file)?;
        thread::sleep(Duration::from_millis(500 + 100 * u64::try_from(round)?));
        interrupted += usize::from(import.try_wait()?.is_none());
        for node in running.drain(..) {
            node.kill()?;
        }
        import.kill()?;
        import.wait()?;
        running.push(nodes.serve(0)?);
    }
    ensure!(interrupted > NODE_CRASHES / 2, "only {interrupted} imports were interrupted");
    ended(begin(&running[0], &file)?)?;
    let found = totals(&running[0], "live")?;
    assert_eq!((&found["records"], &found["points"]), (&json!(ORDERS), &json!(points()?)), "{found}");
    verified(&running[0])?;
    stop(running)
}

/// A point for each whole dollar of these orders.
fn points() -> Result<u64> {
    let text = record_shop::history()?;
    let dollars = record_shop::orders(&text)?.into_iter().take(ORDERS).map(|order| {
        let whole = order.total.split('.').next().unwrap_or_default();
        whole.parse::<u64>().map_err(Into::into)
    });
    dollars.sum()
}
