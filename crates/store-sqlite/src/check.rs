//! What the store can check by itself: page structure, every row's checksum, and the counts it keeps.

use std::collections::BTreeMap;

use rusqlite::Connection;
use store::Stream;

use crate::{
    codec::int,
    fault::{Fault, Result},
    tables::{
        configuration, counters, directory, due, erasures, journal, memberships, outbox, outside,
        position::Position, profiles, quarantine, rehearsals, search, streams, sums,
    },
};

/// How many complaints are worth reading.
const SAID_MAX: usize = 100;

struct Complaints<'a> {
    environment: &'a str,
    said: Vec<String>,
}

impl Complaints<'_> {
    fn say(&mut self, what: String) {
        if self.said.len() < SAID_MAX {
            self.said.push(what);
        }
    }

    /// Notes what went wrong and goes on.
    fn hear<T>(&mut self, outcome: Result<T>) -> Option<T> {
        outcome.map_err(|fault: Fault| self.say(fault.told(self.environment, "checking").to_string())).ok()
    }
}

/// Everything that is wrong, for people; empty when nothing is. Ends early when it is not wanted any more.
pub(crate) fn run(connection: &Connection, environment: &str, wanted: &dyn Fn() -> bool) -> Vec<String> {
    let mut complaints = Complaints { environment, said: Vec::new() };
    for part in [structure, records, views] {
        if !wanted() {
            return complaints.said;
        }
        let outcome = of_one_moment(connection).and_then(|()| part(connection, &mut complaints));
        complaints.hear(outcome);
    }
    let outcome = of_one_moment(connection);
    complaints.hear(outcome);
    for outcome in [
        configuration::each_object(connection, |told| told),
        outbox::each(connection, |told| told),
        outside::keys(connection).map(|_| ()),
        outside::secrets(connection).map(|_| ()),
        outside::checkpoints(connection).map(|_| ()),
        rehearsals::after(connection, 0, usize::MAX).map(|_| ()),
        erasures::list(connection).map(|_| ()),
        due::schedules(connection).map(|_| ()),
        sums::list(connection).map(|_| ()),
        memberships::counts(connection).map(|_| ()),
        configuration::read_through(connection),
    ] {
        complaints.hear(outcome);
    }
    complaints.said
}

/// `SQLite` ends a transaction in which it cannot read a page; what is counted after that must be of one moment
/// again.
fn of_one_moment(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        connection.execute_batch("BEGIN")?;
    }
    Ok(())
}

fn structure(connection: &Connection, complaints: &mut Complaints<'_>) -> Result<()> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            complaints.say(format!("the data file of environment `{}`: {said}", complaints.environment));
        }
    }
    Ok(())
}

/// The journal: as many rows as all streams together have records, as their rows say; so there are no others, and none is
/// missing. Profiles, rows and streams, are verified by whoever goes through their lives; all others are gone through here.
fn records(connection: &Connection, complaints: &mut Complaints<'_>) -> Result<()> {
    let position = Position::read(connection)?;
    let of_profiles = profiles::records(connection)?;
    let mut of_others = 0;
    for n in 1..=position.epoch {
        of_others += u64::from(complaints.hear(streams::control(connection, n)).is_some());
    }
    streams::each_quarantined(connection, |told| {
        let Some((message, tail)) = complaints.hear(told) else { return Ok(()) };
        of_others += tail.n;
        complaints.hear(streams::walk(connection, Stream::Quarantine(message), tail, |_| Ok(true)));
        Ok(())
    })?;
    if of_profiles != position.records {
        complaints.say(format!(
            "the rows of profiles speak of {of_profiles} records, the store's position of {}",
            position.records
        ));
    }
    let rows = journal::count(connection)?;
    if (rows, rows) != (int(of_profiles + of_others), position.seq) {
        complaints.say(format!(
            "the journal has {rows} rows and ends at {}, the streams speak of {}",
            position.seq,
            of_profiles + of_others
        ));
    }
    Ok(())
}

fn views(connection: &Connection, complaints: &mut Complaints<'_>) -> Result<()> {
    let mut members: BTreeMap<String, u64> = BTreeMap::new();
    memberships::each(connection, |told| {
        if let Some((audience, _, _)) = complaints.hear(told) {
            *members.entry(audience.to_owned()).or_default() += 1;
        }
        Ok(())
    })?;
    let counted: BTreeMap<String, u64> =
        memberships::counts(connection)?.into_iter().map(|(key, count)| (key.to_string(), count)).collect();
    if counted != members {
        complaints.say(format!("audiences have {members:?} members, the counts say {counted:?}"));
    }
    for (hash, counted, found) in profiles::counted(connection)? {
        if counted != found {
            complaints.say(format!(
                "{found} profiles stand at manifest {}, the count says {counted}",
                crate::codec::hex(&hash)
            ));
        }
    }
    search::each(connection, |told| {
        complaints.hear(told);
        Ok(())
    })?;
    counters::each(connection, |told| {
        complaints.hear(told);
        Ok(())
    })?;
    directory::verify(connection, |told| {
        complaints.hear(told);
    })?;
    quarantine::each(connection, |told| {
        complaints.hear(told);
        Ok(())
    })
}
