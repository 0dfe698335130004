//! Views as sorted lines of text, for comparison: only what follows from the journal, no row numbers and no
//! times of writing.

use rusqlite::Connection;
use store::{Error, Share};

use crate::{
    codec::{
        Lines, counter_line, directory_line, membership_line, micros, profile_due_line, profile_line,
        quarantine_line, schedule_due_line, search_line, sum_line,
    },
    fault::Result,
    tables::{counters, directory, due, memberships, profiles, quarantine, search, sums},
};

/// One share of a view's rows.
pub(crate) fn lines(connection: &Connection, view: &str, share: Share) -> Result<Vec<String>> {
    let mut lines = Lines::of(share);
    match view {
        "profiles" => profiles::each(connection, |found| {
            lines.push(profile_line(&found?.row));
            Ok(())
        })?,
        "memberships" => memberships::each(connection, |found| {
            let (audience, profile, since) = found?;
            lines.push(membership_line(audience, profile, since));
            Ok(())
        })?,
        "search" => search::each(connection, |found| {
            let (key, value, profile) = found?;
            lines.push(search_line(key, value.as_bytes(), profile));
            Ok(())
        })?,
        "due" => {
            profiles::each(connection, |found| {
                let row = found?.row;
                lines.extend(row.due_at.map(|at| profile_due_line(micros(at), row.id)));
                Ok(())
            })?;
            lines.extend(
                due::schedules(connection)?.iter().map(|(address, at)| schedule_due_line(*at, address)),
            );
        }
        "sums" => lines.extend(
            sums::list(connection)?
                .iter()
                .map(|(currency, account, amount)| sum_line(currency, *account, *amount)),
        ),
        "counters" => counters::each(connection, |found| {
            let (key, counter) = found?;
            lines.push(counter_line(&key, counter.used, counter.n));
            Ok(())
        })?,
        "directory" => directory::each(connection, |found| {
            let (key, entry) = found?;
            lines.push(directory_line(&key, entry));
            Ok(())
        })?,
        "quarantine" => quarantine::each(connection, |found| {
            lines.push(quarantine_line(&found?));
            Ok(())
        })?,
        other => return Err(Error::Missing(format!("view `{other}`")).into()),
    }
    Ok(lines.sorted())
}
