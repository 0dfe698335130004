//! Counters that many profiles share, and the granting of demands on them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use store::{CounterKey, Demand, Granted};

use crate::{
    checksum::Sum,
    codec::{int, uint},
    fault::{Result, refused, verify},
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

pub(crate) fn read(connection: &Connection, key: &CounterKey) -> Result<Counter> {
    let row: Option<(i64, i64, i64)> = connection
        .prepare_cached("SELECT used, n, crc FROM counter WHERE key = ?1")?
        .query_row([&key.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((used, n, crc)) = row else { return Ok(Counter::default()) };
    let n = uint(n)?;
    verify(sum(&key.0, used, n), crc, || format!("counter `{}`", key.0))?;
    Ok(Counter { used, n })
}

pub(crate) fn put(connection: &Connection, key: &CounterKey, counter: Counter) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO counter (key, used, n, crc) VALUES (?1, ?2, ?3, ?4)")?
        .execute((&key.0, counter.used, int(counter.n), sum(&key.0, counter.used, counter.n)))?;
    Ok(())
}

/// Grants of one batch: kept here until it is written.
#[derive(Default)]
pub(crate) struct Grants(BTreeMap<CounterKey, Counter>);

impl Grants {
    /// Grants these demands, in their order.
    pub(crate) fn grant(&mut self, connection: &Connection, demands: &[Demand]) -> Result<Vec<Granted>> {
        let mut granted = Vec::with_capacity(demands.len());
        for demand in demands {
            if demand.amount <= 0 {
                return Err(refused(format!("a demand of {} on `{}`", demand.amount, demand.counter.0)));
            }
            if !self.0.contains_key(&demand.counter) {
                self.0.insert(demand.counter.clone(), read(connection, &demand.counter)?);
            }
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

    pub(crate) fn write(&self, connection: &Connection) -> Result<()> {
        self.0.iter().try_for_each(|(key, counter)| put(connection, key, *counter))
    }
}

/// Calls `visit` with every counter.
pub(crate) fn each(
    connection: &Connection,
    mut visit: impl FnMut(Result<(CounterKey, Counter)>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare("SELECT key FROM counter ORDER BY key")?;
    let keys = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for key in keys.into_iter().map(CounterKey) {
        visit(read(connection, &key).map(|counter| (key.clone(), counter)))?;
    }
    Ok(())
}
