//! What the store can check by itself: page structure, every row's checksum, and the counts it keeps.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use store::Stream;

use crate::{
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
    /// Whether anybody waits for them.
    wanted: &'a dyn Fn() -> bool,
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
    let mut complaints = Complaints { environment, said: Vec::new(), wanted };
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

/// The journal: no gaps, every sum, every stream without gaps and chained to its previous record.
fn records(connection: &Connection, complaints: &mut Complaints<'_>) -> Result<()> {
    let position = Position::read(connection)?;
    let mut tails: HashMap<Stream, streams::Tail> = HashMap::new();
    let (mut after, mut of_profiles) = (0, 0);
    while after < position.seq && (complaints.wanted)() {
        let places = journal::places(connection, after, 10_000)?;
        let Some(last) = places.last().map(|place| place.seq) else { break };
        for journal::Place { seq, stream, n, prev } in places {
            of_profiles += u64::from(matches!(stream, Stream::Profile(_)));
            let tail = tails.entry(stream).or_default();
            if n != tail.n + 1 || prev != tail.seq {
                complaints.say(format!(
                    "{}: record {n} does not follow the one before it",
                    crate::codec::stream_name(stream),
                ));
            }
            *tail = streams::Tail { n, seq };
        }
        after = last;
    }
    if of_profiles != position.records {
        complaints.say(format!(
            "{of_profiles} records of profiles, the store's position says {}",
            position.records
        ));
    }
    let otherwise = |stream: Stream, tail: streams::Tail| {
        let stream = crate::codec::stream_name(stream);
        format!("{stream} ends at record {}, its row says otherwise", tail.n)
    };
    profiles::each(connection, |told| {
        if let Some(found) = complaints.hear(told) {
            let stream = Stream::Profile(found.row.id);
            let tail = tails.remove(&stream).unwrap_or_default();
            if tail != found.tail() {
                complaints.say(otherwise(stream, tail));
            }
        }
        Ok(())
    })?;
    // Control, quarantined events, and profiles without a row.
    for (stream, tail) in tails {
        let said = complaints.hear(streams::tail(connection, stream));
        if said.is_some_and(|said| said != tail) {
            complaints.say(otherwise(stream, tail));
        }
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
    directory::each(connection, |told| {
        complaints.hear(told);
        Ok(())
    })?;
    quarantine::each(connection, |told| {
        complaints.hear(told);
        Ok(())
    })
}
