//! A node that stands still in the middle of its work: the others go on, and when it goes on too, nothing is doubled.

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use xtask::{greenroom::Greenroom, postgres::Server, process};

use super::{
    load::Load,
    place::{Nodes, stop},
};
use crate::place::{one_point_per_dollar, points, two_points_from_thirty, verified};

const CLIENTS: usize = 6;
/// A little longer than the store lets a transaction stand still, and much longer than that.
const STANDSTILLS: [Duration; 2] = [Duration::from_secs(6), Duration::from_mins(1)];
const TRIES: usize = 20;
/// Enough to be busy, and no more to verify than need be.
const REST: Duration = Duration::from_millis(60);
/// A transaction that stands still is ended after four seconds; planning, compiling and starting the command take
/// their time besides.
const PROMOTED_WITHIN: Duration = Duration::from_secs(8);

#[test]
fn a_node_that_stands_still_holds_nobody_up_and_doubles_nothing() -> Result<()> {
    let nodes = Nodes::new(2)?;
    let (running, key) = nodes.begin()?;
    let [well, still] = &running[..] else { unreachable!("two were asked for") };
    let both = [still.collector()?, well.collector()?];
    // Most begin where it stands still, and go to the other one when it does not answer.
    let clients: Vec<(&[&str], String)> = (0..CLIENTS)
        .map(|no| (if no == 0 { &both[1..] } else { &both[..] }, format!("client-{no}")))
        .collect();
    let load = Load::resting(REST);
    let orders = load.while_happens(&clients, &key, || {
        for (no, standstill) in STANDSTILLS.into_iter().enumerate() {
            load.more(CLIENTS * 5)?;
            stop_in_a_transaction(still, &nodes.postgres)?;
            let over = Instant::now() + standstill;
            promote(well, &load, no)?;
            load.more(CLIENTS * 5)?;
            thread::sleep(over.saturating_duration_since(Instant::now()));
            still.signal("CONT")?;
        }
        load.more(CLIENTS * 20)
    })?;
    ensure!(load.again.into_inner() > 0, "no client was ever at the one that stood still");
    for (user, count) in &orders {
        for node in &running {
            assert_eq!(points(node, user)?, Some(*count), "{user}: each order once");
        }
    }
    verified(still)?;
    stop(running)
}

/// Stops a node while the database waits for what it says next.
fn stop_in_a_transaction(node: &Greenroom, postgres: &Server) -> Result<()> {
    let schema = "SELECT schema FROM greenroom.environment WHERE name = 'live'";
    let schema = postgres.ask_in("greenroom", schema)?;
    // Meanwhile whoever writes profiles waits within their transaction, and so is found there.
    let hold = format!(
        "BEGIN; LOCK TABLE {}.profile IN EXCLUSIVE MODE; SELECT pg_sleep(0.8); COMMIT",
        schema.trim()
    );
    // Those of nodes that go on have moved on by then.
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE state = 'idle in transaction' AND state_change < now() - interval '200 ms'";
    for _ in 0..TRIES {
        thread::scope(|scope| {
            let held = scope.spawn(|| postgres.ask_in("greenroom", &hold));
            thread::sleep(Duration::from_millis(500));
            node.signal("STOP")?;
            held.join().map_err(|_| anyhow!("holding the table panicked"))?
        })?;
        thread::sleep(Duration::from_millis(400));
        if postgres.ask(waiting)?.trim() != "0" {
            return Ok(());
        }
        node.signal("CONT")?;
        thread::sleep(Duration::from_millis(100));
    }
    bail!("it was not caught in a transaction in {TRIES} tries")
}

/// Promotes the other program through a node, which must not wait for the one that stands still.
fn promote(node: &Greenroom, load: &Load, no: usize) -> Result<()> {
    let program = if no.is_multiple_of(2) { two_points_from_thirty() } else { one_point_per_dollar() };
    let mut command = node.command(&["apply", &program.to_string_lossy(), "--to", "live"]);
    command.args(["--auto-approve", "--allow-delete", "--output", "json"]);
    let begun = Instant::now();
    let applied: Value = serde_json::from_str(&process::output(&mut command)?)?;
    let took = begun.elapsed();
    ensure!(took < PROMOTED_WITHIN, "the promotion took {took:?}");
    load.epoch.store(applied["epoch"].as_u64().context("an epoch")?, Ordering::Release);
    Ok(())
}
