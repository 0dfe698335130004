//! Views as sorted lines of text, for comparison: only what follows from the journal, no row numbers and no
//! times of writing.

use rusqlite::Connection;
use store::Error;

use crate::{
    codec::{hex, micros},
    fault::Result,
    tables::{counters, directory, due, memberships, profiles, quarantine, search, sums},
};

/// A view's rows.
pub(crate) fn lines(connection: &Connection, view: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    match view {
        "profiles" => profiles::each(connection, |found| {
            let row = found?.row;
            let due = row.due_at.map_or_else(|| "-".to_owned(), |at| micros(at).to_string());
            let (tail, manifest, state) = (hex(&row.tail), hex(&row.manifest), hex(&row.state));
            lines.push(format!("{} {} {tail} {manifest} {due} {state}", row.id, row.n));
            Ok(())
        })?,
        "memberships" => memberships::each(connection, |found| {
            let (audience, profile, since) = found?;
            lines.push(format!("{audience} {profile} {since}"));
            Ok(())
        })?,
        "search" => search::each(connection, |found| {
            let (key, value, profile) = found?;
            lines.push(format!("{key} {} {profile}", hex(value.as_bytes())));
            Ok(())
        })?,
        "due" => {
            profiles::each(connection, |found| {
                let row = found?.row;
                lines.extend(row.due_at.map(|at| format!("{} profile {}", micros(at), row.id)));
                Ok(())
            })?;
            lines.extend(
                due::schedules(connection)?.iter().map(|(address, at)| format!("{at} schedule {address}")),
            );
        }
        "sums" => lines.extend(
            sums::list(connection)?
                .iter()
                .map(|(currency, account, amount)| format!("{currency} {account:?} {amount}")),
        ),
        "counters" => counters::each(connection, |found| {
            let (key, counter) = found?;
            lines.push(format!("{} {} {}", key.0, counter.used, counter.n));
            Ok(())
        })?,
        "directory" => directory::each(connection, |found| {
            let (key, entry) = found?;
            lines.push(format!("{} {entry:?}", hex(&key)));
            Ok(())
        })?,
        "quarantine" => quarantine::each(connection, |found| {
            let row = found?;
            let identity = row.identity.map_or_else(|| "-".to_owned(), |identity| hex(&identity));
            let name = row.name.map_or_else(|| "-".to_owned(), |name| hex(name.as_bytes()));
            let (message, at, errors) = (hex(&row.message), micros(row.at), hex(row.errors.as_bytes()));
            lines.push(format!("{message} {identity} {at} {name} {} {errors}", row.code));
            Ok(())
        })?,
        other => return Err(Error::Missing(format!("view `{other}`")).into()),
    }
    lines.sort_unstable();
    Ok(lines)
}
