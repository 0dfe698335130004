//! Rows of another store, put as they are into an environment that is being made.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use store::{Carried, CarriedRecord, CounterKey, NewRecord, OutsideChange, Stream, Writes};

use super::{control, rebuild};
use crate::{
    codec::{StreamKey, int, stream_name, uint},
    fault::{Result, refused},
    tables::{
        configuration,
        counters::{self, Counter},
        due, erasures, journal, memberships, outbox, outside,
        position::Position,
        profiles, rehearsals,
        streams::{self, Quarantined, Tail},
    },
};

/// Where streams end, for as long as there are no profile rows to say it: about 50 bytes a stream, gone with
/// the connection.
const TAILS: &str = "CREATE TEMP TABLE IF NOT EXISTS put_so_far
    (stream BLOB PRIMARY KEY, n INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID";

/// Puts rows, in their order.
pub(crate) fn put(connection: &Connection, position: &mut Position, rows: Vec<Carried>) -> Result<()> {
    connection.execute_batch(TAILS)?;
    rows.into_iter().try_for_each(|row| one(connection, position, row))
}

fn one(connection: &Connection, position: &mut Position, row: Carried) -> Result<()> {
    match row {
        Carried::Control(record) => {
            // As this transaction has it: the store's own position is written at its end.
            let last = streams::control_end(connection, position.epoch)?;
            control::append(connection, position, last, &record.into())
        }
        Carried::Object(row) => configuration::put_object(connection, &row),
        Carried::Revision(row) => configuration::put_revision(connection, &row),
        Carried::Promotion(row) => configuration::put_promotion(connection, &row),
        Carried::Schedule(address, at) => due::put_schedule(connection, &address, at),
        Carried::Key(row) => outside::change(connection, &OutsideChange::PutKey(row)),
        Carried::Secret(row) => outside::change(connection, &OutsideChange::PutSecret(row)),
        Carried::Checkpoint(name, place) => {
            outside::change(connection, &OutsideChange::PutCheckpoint(name, place))
        }
        Carried::Rehearsal(rehearsal) => rehearsals::put(connection, &rehearsal),
        Carried::Record(carried) => record(connection, position, carried),
        Carried::Erasure { stream, at, pending } => erasures::put(connection, stream, at, pending),
    }
}

fn record(connection: &Connection, position: &mut Position, carried: CarriedRecord) -> Result<()> {
    let CarriedRecord { record, outbox, identity } = carried;
    let record = NewRecord::from(record);
    let (stream, n) = (record.stream, record.n);
    if stream == Stream::Control {
        return Err(refused("a record of the control stream among those of profiles"));
    }
    let before = tail(connection, stream)?;
    if n != before.n + 1 {
        return Err(refused(format!("record {n} of {}, which ends at {}", stream_name(stream), before.n)));
    }
    position.seq += 1;
    let seq = position.seq;
    journal::append(connection, seq, before.seq, &record)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO temp.put_so_far (stream, n, seq) VALUES (?1, ?2, ?3)")?
        .execute((StreamKey::new(stream).bytes(), int(n), seq))?;
    match stream {
        Stream::Profile(_) => position.records += 1,
        Stream::Quarantine(message) => {
            let row = Quarantined { tail: Tail { n, seq }, identity };
            streams::put_quarantined(connection, &message, &row)?;
        }
        Stream::Control => {}
    }
    for row in &outbox {
        if Stream::Profile(row.profile) != stream || row.n != n {
            return Err(refused(format!(
                "an outbox row of record {} of profile {} with another record",
                row.n, row.profile
            )));
        }
        outbox::add(connection, seq, row)?;
    }
    Ok(())
}

fn tail(connection: &Connection, stream: Stream) -> Result<Tail> {
    let found: Option<(i64, i64)> = connection
        .prepare_cached("SELECT n, seq FROM temp.put_so_far WHERE stream = ?1")?
        .query_row([StreamKey::new(stream).bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        Some((n, seq)) => Tail { n: uint(n)?, seq },
        None => Tail::default(),
    })
}

/// Puts rows of views.
pub(crate) fn fill(connection: &Connection, rows: &Writes) -> Result<()> {
    connection.execute_batch(TAILS)?;
    let mut tails = HashMap::with_capacity(rows.profiles.len());
    for write in &rows.profiles {
        tails.insert(write.row.id, tail(connection, Stream::Profile(write.row.id))?);
    }
    let (mut manifests, mut members) = (profiles::Counts::default(), memberships::Counts::default());
    rebuild::write(connection, rows, &tails, &mut manifests, &mut members)?;
    manifests.write(connection)?;
    members.write(connection)
}

/// Puts the counters.
pub(crate) fn count(connection: &Connection, rows: &[(CounterKey, i64, u64)]) -> Result<()> {
    rows.iter().try_for_each(|(key, used, n)| counters::put(connection, key, Counter { used: *used, n: *n }))
}
