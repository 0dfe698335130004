//! Counters that many profiles share, and the granting of demands on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use store::{
    CounterKey, Demand, Granted,
    encoding::{Sum, int, uint, verify},
};
use tokio_postgres::Row;

use super::each_row;
use crate::{
    fault::{Result, damaged, refused},
    session::{Call, Session},
};

fn sum(key: &str, used: i64, n: u64) -> i64 {
    Sum::of("counter").text(key).int(used).int(int(n)).end()
}

/// How much of a counter is used, and the position of its last grant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counter {
    pub(crate) used: i64,
    pub(crate) n: u64,
}

fn verified(row: &Row) -> Result<(CounterKey, Counter)> {
    let (key, used, n): (&str, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let counter = Counter { used, n: uint(n)? };
    verify(sum(key, used, counter.n), row.try_get(3)?, || format!("counter `{key}`"))?;
    Ok((CounterKey(key.to_owned()), counter))
}

pub(crate) async fn read(session: &Session, key: &CounterKey) -> Result<Counter> {
    let row = session.query_opt("SELECT key, used, n, crc FROM counter WHERE key = $1", &[&key.0]).await?;
    row.as_ref().map_or(Ok(Counter::default()), |row| verified(row).map(|(_, counter)| counter))
}

const MAKE: &str =
    "INSERT INTO counter (key, used, n, crc) VALUES ($1, 0, 0, $2) ON CONFLICT (key) DO NOTHING";
/// One key a statement: a distributed database locks no rows in several places at once.
const LOCK: &str = "SELECT key, used, n, crc FROM counter WHERE key = $1 FOR UPDATE";
const WRITE: &str = "UPDATE counter SET used = $2, n = $3, crc = $4 WHERE key = $1";

/// Counters that batches have asked for one after the other. Locks taken in that order could make a circle:
/// batch one holds the first counter and waits for the second, batch two the other way round. So a batch that
/// asks for one of these locks them all at once, sorted. Only the first batch after a start can meet another in
/// a circle; the database then throws one of the two out, and it is decided again.
#[derive(Default)]
pub(crate) struct Habits(Mutex<BTreeSet<CounterKey>>);

/// More than this many are forgotten: locking what nobody asks for any more costs others their turn.
const HABITS_MAX: usize = 256;

impl Habits {
    /// What is locked with these.
    fn with(&self, keys: &BTreeSet<CounterKey>) -> BTreeSet<CounterKey> {
        let habits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if habits.is_disjoint(keys) { BTreeSet::new() } else { habits.difference(keys).cloned().collect() }
    }

    fn learn<'a>(&self, keys: impl Iterator<Item = &'a CounterKey>) {
        let mut habits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        habits.extend(keys.cloned());
        if habits.len() > HABITS_MAX {
            habits.clear();
        }
    }
}

/// Grants of one batch: its counters are locked from the first demand to the end of the transaction.
pub(crate) struct Grants<'a> {
    habits: &'a Habits,
    locked: BTreeMap<CounterKey, Counter>,
    granted: BTreeSet<CounterKey>,
}

impl<'a> Grants<'a> {
    pub(crate) fn new(habits: &'a Habits) -> Self {
        Self { habits, locked: BTreeMap::new(), granted: BTreeSet::new() }
    }

    /// Grants these demands, in their order.
    pub(crate) async fn grant(&mut self, session: &Session, demands: &[Demand]) -> Result<Vec<Granted>> {
        for demand in demands {
            if demand.amount <= 0 {
                return Err(refused(format!("a demand of {} on `{}`", demand.amount, demand.counter.0)));
            }
        }
        self.lock(session, demands).await?;
        let mut granted = Vec::with_capacity(demands.len());
        for demand in demands {
            let counter = self.locked.entry(demand.counter.clone()).or_default();
            let left = demand.ceiling.saturating_sub(counter.used).max(0);
            let amount = match demand.amount {
                all if all <= left => all,
                _ if demand.part => left,
                _ => 0,
            };
            counter.used += amount;
            counter.n += 1;
            granted.push(Granted { amount, n: counter.n });
            self.granted.insert(demand.counter.clone());
        }
        Ok(granted)
    }

    /// Locks those that are not locked yet, sorted, and reads them.
    async fn lock(&mut self, session: &Session, demands: &[Demand]) -> Result<()> {
        let asked: BTreeSet<CounterKey> = demands
            .iter()
            .map(|demand| demand.counter.clone())
            .filter(|key| !self.locked.contains_key(key))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let others = if self.locked.is_empty() {
            self.habits.with(&asked)
        } else {
            self.habits.learn(asked.iter().chain(self.locked.keys()));
            BTreeSet::new()
        };
        let all: BTreeSet<&CounterKey> = asked.iter().chain(&others).collect();
        let made: Vec<i64> = all.iter().map(|key| sum(&key.0, 0, 0)).collect();
        let mut calls = Vec::with_capacity(all.len() * 2);
        for (key, crc) in all.iter().zip(&made) {
            // One that is locked by habit alone is not made: it would show.
            if asked.contains(*key) {
                calls.push(Call::With(MAKE, vec![&key.0, crc]));
            }
            calls.push(Call::With(LOCK, vec![&key.0]));
        }
        for answer in session.flight(&calls).await? {
            for row in &answer.rows {
                let (key, counter) = verified(row)?;
                self.locked.insert(key, counter);
            }
        }
        match asked.iter().find(|key| !self.locked.contains_key(key)) {
            None => Ok(()),
            Some(key) => Err(damaged(format!("counter `{}`", key.0), "its row cannot be made")),
        }
    }

    /// As rows, to be written with the batch.
    pub(crate) fn rows(&self) -> Vec<(String, i64, i64, i64)> {
        let granted = self.locked.iter().filter(|(key, _)| self.granted.contains(key));
        granted.map(|(key, c)| (key.0.clone(), c.used, int(c.n), sum(&key.0, c.used, c.n))).collect()
    }
}

/// The call that writes such a row.
pub(crate) fn write(row: &(String, i64, i64, i64)) -> Call<'_> {
    Call::With(WRITE, vec![&row.0, &row.1, &row.2, &row.3])
}

/// Writes a counter that is not there (rebuilding).
pub(crate) async fn put(session: &Session, key: &CounterKey, counter: Counter) -> Result<()> {
    let crc = sum(&key.0, counter.used, counter.n);
    session
        .execute(
            "INSERT INTO counter (key, used, n, crc) VALUES ($1, $2, $3, $4)
             ON CONFLICT (key) DO UPDATE SET used = excluded.used, n = excluded.n, crc = excluded.crc",
            &[&key.0, &counter.used, &int(counter.n), &crc],
        )
        .await?;
    Ok(())
}

/// Calls `visit` with every counter.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<(CounterKey, Counter)>) -> Result<()> + Send,
) -> Result<()> {
    each_row(session, "SELECT key, used, n, crc FROM counter", &[], |row| visit(verified(row))).await
}
