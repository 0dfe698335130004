//! What can be chosen about the store on PostgreSQL.

use std::time::Duration;

/// Choices for one process. The defaults suit a small server with a few nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections of one environment, at most. About as many as the server has cores is fastest; each costs
    /// the server some megabytes, and all nodes together must stay below its `max_connections`.
    pub connections_max: usize,
    /// How many of them may do long work (scans, exports, backups, rebuilds) at a time.
    pub long_max: usize,
    /// How long to wait for a server that does not answer when connecting.
    pub connect_timeout: Duration,
    /// How long a statement of a batch or a short read may take.
    pub statement_timeout: Duration,
    /// How long to wait for a lock. Longer than `idle_timeout`: by then the server has thrown out whoever
    /// holds it and does nothing.
    pub lock_timeout: Duration,
    /// How long a transaction may stand still before the server ends it: a node that is stopped in the middle
    /// of one holds the others up for no longer.
    pub idle_timeout: Duration,
    /// How long a migration is tried again when others hold locks on what it changes. No attempt waits longer than
    /// `lock_timeout`, since others queue behind it.
    pub migration_wait: Duration,
    /// Whether the tables are distributed (Citus) over so many shards by the hash of their keys. Background work is then
    /// committed shard by shard.
    pub distributed_over: Option<u16>,
    /// The database must have been used before: no control store is made in it.
    pub must_exist: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 8,
            long_max: 2,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(4),
            migration_wait: Duration::from_mins(5),
            distributed_over: None,
            must_exist: false,
        }
    }
}
