//! Counters that many profiles share, and the granting of demands on them.

use std::collections::{BTreeMap, BTreeSet};

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

/// Grants of one batch: its counters are locked from the first demand to the end of the transaction.
#[derive(Default)]
pub(crate) struct Grants(BTreeMap<CounterKey, Counter>);

impl Grants {
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
            let counter = self.0.entry(demand.counter.clone()).or_default();
            let left = demand.ceiling.saturating_sub(counter.used).max(0);
            let amount = match demand.amount {
                all if all <= left => all,
                _ if demand.part => left,
                _ => 0,
            };
            counter.used += amount;
            counter.n += 1;
            granted.push(Granted { amount, n: counter.n });
        }
        Ok(granted)
    }

    /// Locks those that are not locked yet, sorted, and reads them.
    async fn lock(&mut self, session: &Session, demands: &[Demand]) -> Result<()> {
        let keys: BTreeSet<&CounterKey> =
            demands.iter().map(|demand| &demand.counter).filter(|key| !self.0.contains_key(key)).collect();
        let made: Vec<i64> = keys.iter().map(|key| sum(&key.0, 0, 0)).collect();
        let mut calls = Vec::with_capacity(keys.len() * 2);
        for (key, crc) in keys.iter().zip(&made) {
            calls.push(Call::With(MAKE, vec![&key.0, crc]));
            calls.push(Call::With(LOCK, vec![&key.0]));
        }
        for answer in session.flight(&calls).await? {
            for row in &answer.rows {
                let (key, counter) = verified(row)?;
                self.0.insert(key, counter);
            }
        }
        match keys.iter().find(|key| !self.0.contains_key(key)) {
            None => Ok(()),
            Some(key) => Err(damaged(format!("counter `{}`", key.0), "its row cannot be made")),
        }
    }

    /// As rows, to be written with the batch.
    pub(crate) fn rows(&self) -> Vec<(String, i64, i64, i64)> {
        self.0.iter().map(|(key, c)| (key.0.clone(), c.used, int(c.n), sum(&key.0, c.used, c.n))).collect()
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
