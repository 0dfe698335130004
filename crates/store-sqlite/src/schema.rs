//! Schemas and their migrations: numbered, applied in one transaction, never edited once released.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use store::Error;

use crate::fault::Result;

/// The steps that lead to today's schema of an environment's store.
pub(crate) const STORE: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_claimed.sql"),
    include_str!("schema/0003_rehearsals.sql"),
];
/// The same of the control store.
pub(crate) const CONTROL: &[&str] =
    &[include_str!("schema/control_0001_first.sql"), include_str!("schema/control_0002_elsewhere.sql")];

/// The version a file is at: 0 when it is new.
pub(crate) fn version(connection: &Connection) -> Result<usize> {
    let there: Option<i64> = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'migration'", [], |row| row.get(0))
        .optional()?;
    if there.is_none() {
        return Ok(0);
    }
    let at: i64 = connection.query_row("SELECT coalesce(max(no), 0) FROM migration", [], |row| row.get(0))?;
    Ok(usize::try_from(at).unwrap_or(0))
}

/// Brings a file to today's schema. Refuses one of a newer greenroom.
pub(crate) fn migrate(connection: &mut Connection, steps: &[&str], what: &str) -> Result<()> {
    let at = version(connection)?;
    if at > steps.len() {
        return Err(Error::Refused(format!(
            "{what} has schema {at}, this greenroom knows up to {}; start a newer greenroom",
            steps.len()
        ))
        .into());
    }
    if at == steps.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if at == 0 {
        transaction
            .execute_batch("CREATE TABLE migration (no INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT")?;
    }
    for (no, step) in (1_i64..).zip(steps).skip(at) {
        transaction.execute_batch(step)?;
        let now = jiff::Timestamp::now().as_microsecond();
        transaction.execute("INSERT INTO migration (no, at) VALUES (?1, ?2)", (no, now))?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrates_once_and_refuses_the_future() {
        let mut connection = Connection::open_in_memory().expect("memory is there");
        migrate(&mut connection, STORE, "it").expect("a new file takes every step");
        migrate(&mut connection, STORE, "it").expect("there is nothing left to do");
        assert_eq!(version(&connection).expect("it has a version"), STORE.len());
        connection.execute("INSERT INTO migration VALUES (99, 0)", []).expect("the table takes it");
        let refused = migrate(&mut connection, STORE, "it");
        assert!(format!("{refused:?}").contains("start a newer greenroom"), "{refused:?}");
    }
}
