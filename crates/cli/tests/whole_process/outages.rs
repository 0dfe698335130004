//! A disk that fails while clients send, and is given back to the running server: they are told to come again,
//! nothing acknowledged is lost, nothing counts twice, and it goes on without a restart.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use xtask::greenroom::Greenroom;

use crate::{
    asked::said,
    place::{Sender, one_point_per_dollar, order, points, program, verified},
    power_cut::{Unsynced, Watched},
};

const CLIENTS: usize = 3;
const BATCH: usize = 5;
/// So many batches before the outage, refusals in it, and batches after it.
const ENOUGH: usize = 20;
const PATIENCE: Duration = Duration::from_secs(20);
/// A client's own; what the server says is for clients with more patience than a test.
const PAUSE: Duration = Duration::from_millis(20);

/// What an outage is, and what clients and people are told in it.
struct Outage {
    variable: &'static str,
    code: &'static str,
    title: &'static str,
    detail: &'static str,
}

/// What the clients of a test share.
struct Load {
    over: AtomicBool,
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
    /// Orders acknowledged by user: one dollar each, so one point.
    orders: Mutex<BTreeMap<String, i64>>,
}

/// Ends the load and the outage, however the test goes.
struct Ends<'a> {
    load: &'a Load,
    flag: PathBuf,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.load.over.store(true, Ordering::Release);
        // It may be gone already.
        let _ = fs::remove_file(&self.flag);
    }
}

impl Outage {
    /// One client: sends batch after batch, each again and again until it is acknowledged.
    fn client(&self, server: &Greenroom, key: &str, user: &str, load: &Load) -> Result<()> {
        let sender = Sender::new(server, key)?;
        for batch in 0.. {
            if load.over.load(Ordering::Acquire) {
                break;
            }
            let ids = (0..BATCH).map(|i| format!("{user}-{batch}-{i}"));
            let items = ids.map(|id| order(&id, user, "1.00")).collect::<Result<Vec<_>>>()?;
            let give_up = Instant::now() + PATIENCE;
            loop {
                let answer = sender.reported(&items)?;
                if answer.status == 200 {
                    let outcomes = answer.done()?;
                    for item in outcomes["items"].as_array().context("a report has `items`")? {
                        // A duplicate was on disk although its answer said otherwise, which is as good.
                        let outcome = item["outcome"].as_str();
                        ensure!(matches!(outcome, Some("decided" | "duplicate")), "{item}");
                    }
                    break;
                }
                let detail = answer.refused(503, self.code)?;
                ensure!(detail == self.detail, "{detail}");
                ensure!(answer.body["message"] == detail, "client libraries show `message`: {}", answer.body);
                let seconds: u16 = answer.header("retry-after").context("no Retry-After")?.parse()?;
                ensure!((1..=300).contains(&seconds), "{seconds}");
                load.refused.fetch_add(1, Ordering::AcqRel);
                ensure!(Instant::now() < give_up, "still refused: {detail}\n{}", server.last_words());
                thread::sleep(PAUSE);
            }
            load.acknowledged.fetch_add(1, Ordering::AcqRel);
            let mut orders = load.orders.lock().map_err(|_| anyhow!("a client failed"))?;
            *orders.entry(user.to_owned()).or_default() += i64::try_from(BATCH)?;
        }
        Ok(())
    }

    /// What happens around the clients: the disk fails, is looked at, and is given back.
    fn happens(&self, server: &Greenroom, load: &Load, flag: PathBuf) -> Result<()> {
        let ends = Ends { load, flag };
        until("batches before the outage", || load.acknowledged.load(Ordering::Acquire) >= ENOUGH)?;
        fs::write(&ends.flag, "")?;
        until("refusals", || load.refused.load(Ordering::Acquire) >= ENOUGH)?;
        ensure!(points(server, "client-0")?.is_some(), "what is there can still be read");
        let by_hand = ["adjust", "credit", "client-0", "points", "1000", "-e", "live", "--reason", "a test"];
        let refused = said(server, &by_hand)?.exits(1)?;
        let told = format!(
            "error: {}\n  {}\n  try again in 5 s\n  see https://greenroom.dev/docs/errors/{} (request …)\n",
            self.title, self.detail, self.code
        );
        ensure!(refused.err == told, "{}", refused.err);
        fs::remove_file(&ends.flag)?;
        let served = load.acknowledged.load(Ordering::Acquire);
        until("batches after the outage", || load.acknowledged.load(Ordering::Acquire) >= served + ENOUGH)
    }

    fn costs_nothing(&self) -> Result<()> {
        let watched = Watched::new()?;
        let flag = watched.folder.with_file_name("outage");
        let serve = || {
            Greenroom::start_prepared(program(), &watched.folder, |command| {
                watched.preload(command, false);
                command.env(self.variable, &flag);
            })
        };
        let server = serve()?;
        server.apply(&one_point_per_dollar(), "live")?;
        let key = server.write_key("live")?;
        let load = Load {
            over: AtomicBool::new(false),
            acknowledged: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            orders: Mutex::default(),
        };
        thread::scope(|scope| -> Result<()> {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (server, key, load) = (&server, &key, &load);
                    scope.spawn(move || self.client(server, key, &format!("client-{client}"), load))
                })
                .collect();
            let happened = self.happens(&server, &load, flag.clone());
            for client in clients {
                client.join().map_err(|_| anyhow!("a client failed"))??;
            }
            happened
        })?;
        let orders = load.orders.into_inner().map_err(|_| anyhow!("a client failed"))?;
        ensure!(orders.len() == CLIENTS, "{orders:?}");
        let all_there = |server: &Greenroom| -> Result<()> {
            for (user, count) in &orders {
                assert_eq!(points(server, user)?, Some(*count), "{user}: each order once");
            }
            verified(server)
        };
        all_there(&server)?;
        server.kill()?;
        watched.check_complete()?;
        // Not even a power cut now takes what was acknowledged.
        let left = watched.rebuilt(&watched.entries()?, u64::MAX, Unsynced::Dropped)?;
        let server = Greenroom::start(program(), left)?;
        all_there(&server)?;
        server.stop()
    }
}

fn until(what: &str, holds: impl Fn() -> bool) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        ensure!(Instant::now() < give_up, "no {what} within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

#[test]
fn a_full_disk_costs_nothing_but_time() -> Result<()> {
    Outage {
        variable: "POWER_CUT_FULL_WHILE",
        code: "no_space",
        title: "There is no space left",
        detail: "No space left for environment `live`; nothing was acknowledged, free some space and it goes on \
                 by itself.",
    }
    .costs_nothing()
}

#[test]
fn syncs_that_fail_cost_nothing_but_time() -> Result<()> {
    Outage {
        variable: "POWER_CUT_SYNCS_FAIL_WHILE",
        code: "unavailable",
        title: "The environment is not available now",
        detail: "The store cannot be written at the moment: committing (environment `live`): disk I/O error.",
    }
    .costs_nothing()
}
