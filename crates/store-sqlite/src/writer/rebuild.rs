//! Rebuilding: every view dropped and filled again from the journal, in one transaction.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use ledger::ProfileId;
use rusqlite::Connection;
use store::{Error, Refill, Stream, Writes};

use super::commit::hang_on;
use crate::{
    codec::directory_key,
    fault::{Result, refused},
    tables::{
        counters::{self, Counter},
        directory, journal, memberships, profiles, quarantine,
        streams::Tail,
        sums,
    },
};

/// How many records are handed over at a time.
const PAGE: usize = 1_000;

/// Schedules are not dropped: they come with control changes, not from records.
const VIEWS: [&str; 10] = [
    "directory",
    "claimed",
    "profile",
    "manifest",
    "membership",
    "audience",
    "search",
    "sum",
    "counter",
    "quarantine",
];

pub(super) fn run(connection: &Connection, mut refill: Box<dyn Refill>) -> Result<()> {
    // What the caller does in there is its own; a panic of it must not end the writer.
    catch_unwind(AssertUnwindSafe(|| fill(connection, refill.as_mut())))
        .unwrap_or_else(|_| Err(Error::Panicked("filling the views again".to_owned()).into()))
}

fn fill(connection: &Connection, refill: &mut dyn Refill) -> Result<()> {
    for view in VIEWS {
        connection.execute(&format!("DELETE FROM {view}"), [])?;
    }
    let tails = read(connection, refill)?;
    let mut manifests = profiles::Counts::default();
    let mut members = memberships::Counts::default();
    while let Some(rows) = refill.rows()? {
        write(connection, &rows, &tails, &mut manifests, &mut members)?;
    }
    manifests.write(connection)?;
    members.write(connection)?;
    for (key, used, n) in refill.counters() {
        counters::put(connection, &key, Counter { used, n })?;
    }
    Ok(())
}

/// Hands every record over. Answers where each profile's stream ends.
fn read(connection: &Connection, refill: &mut dyn Refill) -> Result<HashMap<ProfileId, Tail>> {
    let mut tails = HashMap::new();
    let mut after = 0;
    loop {
        let (rows, last) = journal::following(connection, after, PAGE, |stream| stream != Stream::Control)?;
        let full = rows.len() == PAGE;
        for row in rows {
            if let Stream::Profile(id) = row.record.stream {
                tails.insert(id, Tail { n: row.record.n, seq: row.seq });
            }
            refill.record(row.record)?;
        }
        if !full {
            return Ok(tails);
        }
        after = last;
    }
}

/// Writes rows of views; `tails` has where the streams of their profiles end.
pub(super) fn write(
    connection: &Connection,
    rows: &Writes,
    tails: &HashMap<ProfileId, Tail>,
    manifests: &mut profiles::Counts,
    members: &mut memberships::Counts,
) -> Result<()> {
    if !rows.records.is_empty() || !rows.erase.is_empty() {
        return Err(refused("only rows of views can be filled in, no records and no erasures"));
    }
    for claim in &rows.claims {
        directory::put(connection, &directory_key(claim.key), claim.entry)?;
    }
    for key in &rows.forget {
        directory::forget(connection, *key)?;
    }
    for write in &rows.profiles {
        let id = write.row.id;
        let tail = tails.get(&id).copied().unwrap_or_default();
        if tail.n != write.row.n {
            let n = write.row.n;
            return Err(refused(format!("the row of profile {id} says {n}, its stream ends at {}", tail.n)));
        }
        let old = profiles::find(connection, id)?.map(|found| found.place());
        profiles::write(connection, old, &write.row, tail.seq, manifests)?;
        hang_on(connection, write, members)?;
    }
    sums::add(connection, &rows.sums)?;
    for (message, row) in &rows.quarantine {
        match row {
            Some(row) => quarantine::put(connection, row)?,
            None => quarantine::remove(connection, message)?,
        }
    }
    Ok(())
}
