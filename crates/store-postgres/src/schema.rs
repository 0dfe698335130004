//! Schemas and their migrations: numbered, applied in one transaction, never edited once released.

use store::Error;
use tokio_postgres::SimpleQueryMessage;

use crate::{fault::Result, pool::quoted, session::Session};

/// The steps that lead to today's schema of an environment.
pub(crate) const STORE: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_nodes.sql"),
    include_str!("schema/0003_rehearsals.sql"),
];
/// The same of the control store.
pub(crate) const CONTROL: &[&str] =
    &[include_str!("schema/control_0001_first.sql"), include_str!("schema/control_0002_elsewhere.sql")];
/// The schema of the control store.
pub(crate) const CONTROL_SCHEMA: &str = "greenroom";

const GRANTS: &str = include_str!("schema/grants_role.sql");

/// Whoever makes or changes schemas and roles of an install holds this lock: `greenroo` as a number.
const LOCK: &str = "BEGIN; SELECT pg_advisory_xact_lock(7454130264757923695)";

/// Begins a transaction in which nobody else makes or changes schemas.
pub(crate) async fn begin(session: &Session) -> Result<()> {
    session.plain(LOCK).await
}

/// The first value of the first row of plain statements.
async fn plain_value(session: &Session, sql: &str) -> Result<Option<String>> {
    let messages = session.client().simple_query(sql).await?;
    Ok(messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
        _ => None,
    }))
}

/// The version a schema is at: 0 when it is new or absent.
pub(crate) async fn version(session: &Session, schema: &str) -> Result<usize> {
    let table = format!("{}.migration", quoted(schema));
    let there = format!("SELECT 1 WHERE to_regclass('{}') IS NOT NULL", table.replace('\'', "''"));
    if plain_value(session, &there).await?.is_none() {
        return Ok(0);
    }
    let at = plain_value(session, &format!("SELECT coalesce(max(no), 0) FROM {table}")).await?;
    Ok(at.and_then(|at| at.parse().ok()).unwrap_or(0))
}

/// Whether a schema has to be migrated. Refuses one of a newer greenroom.
pub(crate) fn is_behind(at: usize, steps: &[&str], what: &str) -> Result<bool> {
    if at > steps.len() {
        return Err(Error::Refused(format!(
            "{what} has schema {at}, this greenroom knows up to {}; start a newer greenroom",
            steps.len()
        ))
        .into());
    }
    Ok(at < steps.len())
}

/// Brings a schema to the version after these steps, inside a transaction that [`begin`] began. From then on
/// the transaction works in that schema.
pub(crate) async fn migrate(session: &Session, schema: &str, steps: &[&str], what: &str) -> Result<()> {
    let at = version(session, schema).await?;
    let behind = is_behind(at, steps, what)?;
    session.plain(&format!("SET LOCAL search_path TO {}", quoted(schema))).await?;
    if !behind {
        return Ok(());
    }
    // A large table takes its time, and nothing can be served before.
    session
        .plain("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min'")
        .await?;
    if at == 0 {
        session.plain("CREATE TABLE migration (no integer PRIMARY KEY, at bigint NOT NULL)").await?;
    }
    for (no, step) in (1_usize..).zip(steps).skip(at) {
        session.plain(step).await?;
        let now = jiff::Timestamp::now().as_microsecond();
        session.plain(&format!("INSERT INTO migration (no, at) VALUES ({no}, {now})")).await?;
    }
    Ok(())
}

/// Lets an environment's role do what it may, and nothing else.
pub(crate) async fn grant(session: &Session, schema: &str, role: &str) -> Result<()> {
    session.plain(&GRANTS.replace("{schema}", &quoted(schema)).replace("{role}", &quoted(role))).await
}

/// Refuses a server that cannot keep what is put into it.
pub(crate) async fn suits(session: &Session) -> Result<()> {
    let asked = "SELECT current_setting('server_version_num') || ' ' || current_setting('server_encoding')";
    let answer = plain_value(session, asked).await?.unwrap_or_default();
    let (version, encoding) = answer.split_once(' ').unwrap_or_default();
    if version.parse::<u32>().unwrap_or(0) < 140_000 {
        return Err(Error::Refused(format!("PostgreSQL 14 or later is needed, this is {version}")).into());
    }
    if encoding != "UTF8" {
        return Err(Error::Refused(format!(
            "the database's encoding is {encoding}; make one with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`"
        ))
        .into());
    }
    Ok(())
}
