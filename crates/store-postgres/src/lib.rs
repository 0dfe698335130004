//! The store on PostgreSQL: one schema and one role per environment, in a database that any number of
//! processes serve.
//!
//! ```text
//! schema greenroom                 registry of environments with their roles, administrators
//! schema env_<name>_<id>           journal, views and outside state of one environment
//! role   greenroom_<name>_<random> the only one that connects to that schema; it sees no other
//! ```
//!
//! # Who may do what
//!
//! The URL names the **installing role**. It makes schemas, roles and tables, and owns them; it needs `CREATE`
//! on the database and the attribute `CREATEROLE`, no more. Each environment is served by connections that
//! log in as the environment's own role: it may read and write its tables but neither change nor drop them,
//! may not delete from the journal at all, and has no way into another schema, since it never was another
//! role. `pg_hba.conf` must let these roles in by password from where Greenroom runs.
//!
//! # How it is written
//!
//! A batch is one transaction of a few pipelined round trips: lock and epoch; the directory; profiles,
//! journal and what hangs on them; `COMMIT`. Rows go in as arrays. Every hot table is keyed by what it would
//! be distributed by: profiles and the journal by `bucket`, the directory by its hash, counters by key, sums
//! in shards. Locks are taken in the order control, counters, directory, profiles, sums, each sorted.
//! (Counters come before the directory, since a batch asks for grants before it knows what it writes.)
//!
//! Acknowledgement rests on PostgreSQL's own: `synchronous_commit` is never off in our sessions, `fsync` and
//! full-page writes are the server's business. Every row carries our checksum as well, verified when it is
//! read; initialise the cluster with `--data-checksums`, which guards the pages and indexes under it.

mod address;
mod backend;
mod backup;
mod carry;
mod check;
mod copied;
mod elsewhere;
mod environment;
mod examined;
mod export;
mod fault;
mod full;
mod making;
mod migrating;
mod opened;
mod options;
mod pool;
mod registry;
mod restore;
mod schema;
mod session;
mod spread;
mod sweeper;
mod tables;
mod tls;
mod writing;

pub use address::check_url;
pub use backend::PostgresBackend;
pub use examined::examined;
pub use options::Options;
