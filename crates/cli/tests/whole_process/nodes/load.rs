//! Clients that send orders and do what clients do when they are not answered: send the same again.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::place::{Sender, order};

const BATCH: usize = 4;
/// A request that is not answered by then is sent again.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// So long a client tries the same batch.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(30);

/// What the clients share, and what they were told.
#[derive(Default)]
pub(super) struct Load {
    over: AtomicBool,
    /// Between two batches of a client.
    rest: Duration,
    /// The epoch of the last change that was acknowledged.
    pub(super) epoch: AtomicU64,
    batches: AtomicUsize,
    /// How often a batch had to be sent again.
    pub(super) again: AtomicUsize,
    /// Orders acknowledged by user: one dollar each, so one point under either program.
    orders: Mutex<BTreeMap<String, i64>>,
}

impl Load {
    /// Of clients that rest so long after each batch.
    pub(super) fn resting(rest: Duration) -> Self {
        Self { rest, ..Self::default() }
    }

    /// One client: sends batch after batch, each to the first address, and to the next one whenever it is not
    /// acknowledged.
    pub(super) fn client(&self, urls: &[&str], key: &str, user: &str) -> Result<()> {
        let senders: Vec<Sender> = urls.iter().map(|url| Sender::to(url, key, Some(ANSWER_WITHIN))).collect();
        for batch in 0.. {
            if self.over.load(Ordering::Acquire) {
                break;
            }
            let ids = (0..BATCH).map(|i| format!("{user}-{batch}-{i}"));
            let items = ids.map(|id| order(&id, user, "1.00")).collect::<Result<Vec<_>>>()?;
            let (mut turn, give_up) = (0, Instant::now() + PATIENCE);
            while let Err(why) = self.sent(&senders[turn % senders.len()], &items)? {
                ensure!(Instant::now() < give_up, "not acknowledged within {PATIENCE:?}: {why}");
                self.again.fetch_add(1, Ordering::AcqRel);
                turn += 1;
                thread::sleep(PAUSE);
            }
            self.batches.fetch_add(1, Ordering::AcqRel);
            let mut orders = self.orders.lock().map_err(|_| anyhow!("a client failed"))?;
            *orders.entry(user.to_owned()).or_default() += i64::try_from(BATCH)?;
            drop(orders);
            thread::sleep(self.rest);
        }
        Ok(())
    }

    /// Sends a batch once. The inner error is one that sending it again may cure; the outer one is a fault.
    fn sent(&self, sender: &Sender, items: &[Value]) -> Result<Result<(), String>> {
        let epoch_min = self.epoch.load(Ordering::Acquire);
        let answer = match sender.reported(items) {
            Ok(answer) => answer,
            // It did not answer at all, or not with JSON, as a proxy when nobody is there.
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        match answer.status {
            200 => {}
            408 | 429 | 500.. => return Ok(Err(answer.body.to_string())),
            status => bail!("{status}: {}", answer.body),
        }
        let report = answer.done()?;
        for item in report["items"].as_array().context("a report has `items`")? {
            match item["outcome"].as_str() {
                Some("decided") => {
                    let epoch = item["epoch"].as_u64().context("a decided item has an epoch")?;
                    ensure!(epoch >= epoch_min, "{item} after epoch {epoch_min} was acknowledged");
                }
                // It was committed, and only its answer was lost.
                Some("duplicate") => {}
                _ => bail!("{item}"),
            }
        }
        Ok(Ok(()))
    }

    /// Waits until so many more batches have been acknowledged.
    pub(super) fn more(&self, batches: usize) -> Result<()> {
        let (enough, give_up) = (self.batches.load(Ordering::Acquire) + batches, Instant::now() + PATIENCE);
        while self.batches.load(Ordering::Acquire) < enough {
            ensure!(Instant::now() < give_up, "no {batches} batches within {PATIENCE:?}");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Runs clients while something happens; what each user was acknowledged.
    pub(super) fn while_happens(
        &self,
        clients: &[(&[&str], String)],
        key: &str,
        happens: impl FnOnce() -> Result<()>,
    ) -> Result<BTreeMap<String, i64>> {
        thread::scope(|scope| -> Result<()> {
            let sending: Vec<_> = clients
                .iter()
                .map(|(urls, user)| scope.spawn(move || self.client(urls, key, user)))
                .collect();
            let happened = happens();
            self.over.store(true, Ordering::Release);
            for client in sending {
                client.join().map_err(|_| anyhow!("a client failed"))??;
            }
            happened
        })?;
        let orders = std::mem::take(&mut *self.orders.lock().map_err(|_| anyhow!("a client failed"))?);
        ensure!(orders.len() == clients.len(), "{orders:?}");
        Ok(orders)
    }
}
