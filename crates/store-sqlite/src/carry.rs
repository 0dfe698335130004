//! What leaves a store: everything that is not made again from the journal, kind by kind, in pages.

use rusqlite::Connection;
use store::{Carried, CarriedRecord, Page, Stream};

use crate::{
    codec::{int, time},
    cursor::List,
    fault::Result,
    tables::{
        configuration, due, erasures,
        journal::{self, Journaled},
        outbox, outside,
        position::Position,
        rehearsals, streams,
    },
};

/// Rows of one kind, and where it goes on if there may be more of it.
type Part = (Vec<Carried>, Option<i64>);

/// Reads some rows of a kind, from a place on.
type Read = fn(&Connection, i64, usize) -> Result<Part>;

/// The kinds, in the order of [`Carried`].
const KINDS: [Read; 11] = [
    control,
    objects,
    revisions,
    promotions,
    schedules,
    |connection, _, _| Ok((outside::keys(connection)?.into_iter().map(Carried::Key).collect(), None)),
    |connection, _, _| Ok((outside::secrets(connection)?.into_iter().map(Carried::Secret).collect(), None)),
    checkpoints,
    rehearsed,
    records,
    erased,
];

/// A page: rows of one kind. `after` is a kind, and a place in it. Keys and the like are few, and come at once.
pub(crate) fn page(
    connection: &Connection,
    list: List,
    after: Option<[i64; 2]>,
    limit: usize,
) -> Result<Page<Carried>> {
    let [kind, mut place] = after.unwrap_or([0, 0]);
    for (no, read) in (0_i64..).zip(KINDS).skip_while(|(no, _)| *no < kind) {
        let (rows, more) = read(connection, place, limit)?;
        place = 0;
        if !rows.is_empty() {
            let next = more.map_or([no + 1, 0], |more| [no, more]);
            return Ok(Page { rows, next: Some(list.at_numbers(next)) });
        }
    }
    Ok(Page { rows: Vec::new(), next: None })
}

/// Where a kind goes on after this many rows from `skip` on.
fn counted(rows: &[Carried], skip: i64, limit: usize) -> Option<i64> {
    (rows.len() == limit).then(|| skip.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)))
}

fn control(connection: &Connection, after: i64, limit: usize) -> Result<Part> {
    let end = int(Position::read(connection)?.epoch);
    let last = after.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)).min(end);
    let rows = (after + 1..=last)
        .map(|n| Ok(Carried::Control(streams::control(connection, crate::codec::uint(n)?)?)))
        .collect::<Result<_>>()?;
    Ok((rows, (last < end).then_some(last)))
}

fn objects(connection: &Connection, skip: i64, limit: usize) -> Result<Part> {
    let rows = configuration::objects_from(connection, skip, limit)?;
    let rows: Vec<_> = rows.into_iter().map(Carried::Object).collect();
    let more = counted(&rows, skip, limit);
    Ok((rows, more))
}

fn revisions(connection: &Connection, after: i64, limit: usize) -> Result<Part> {
    let rows = configuration::revisions_after(connection, after, limit)?;
    let last = rows.last().map(|(no, _)| *no);
    Ok((rows.into_iter().map(|(_, row)| Carried::Revision(row)).collect(), last))
}

fn promotions(connection: &Connection, after: i64, limit: usize) -> Result<Part> {
    let rows = configuration::promotions_after(connection, after, limit)?;
    let last = rows.last().map(|(no, _)| *no);
    Ok((rows.into_iter().map(|(_, row)| Carried::Promotion(row)).collect(), last))
}

fn schedules(connection: &Connection, _: i64, _: usize) -> Result<Part> {
    let rows = due::schedules(connection)?;
    let rows = rows.into_iter().map(|(address, at)| Ok(Carried::Schedule(address, time(at)?)));
    Ok((rows.collect::<Result<_>>()?, None))
}

fn checkpoints(connection: &Connection, _: i64, _: usize) -> Result<Part> {
    let rows = outside::checkpoints(connection)?.into_iter();
    Ok((rows.map(|(name, position)| Carried::Checkpoint(name, position)).collect(), None))
}

fn rehearsed(connection: &Connection, after: i64, limit: usize) -> Result<Part> {
    let rows = rehearsals::after(connection, after, limit)?;
    let last = rows.last().map(|(no, _)| *no);
    Ok((rows.into_iter().map(|(_, row)| Carried::Rehearsal(Box::new(row))).collect(), last))
}

fn records(connection: &Connection, after: i64, limit: usize) -> Result<Part> {
    let (rows, last) = journal::following(connection, after, limit, |stream| stream != Stream::Control)?;
    let mut outbox = outbox::between(connection, after, last)?.into_iter().peekable();
    let mut found = Vec::with_capacity(rows.len());
    for Journaled { seq, record, .. } in rows {
        let identity = match record.stream {
            Stream::Quarantine(message) => {
                streams::quarantined(connection, &message)?.and_then(|stream| stream.identity)
            }
            Stream::Profile(_) | Stream::Control => None,
        };
        let mut own = Vec::new();
        while let Some((_, row)) = outbox.next_if(|(made_by, _)| *made_by == seq) {
            own.push(row);
        }
        found.push(Carried::Record(CarriedRecord { record, outbox: own, identity }));
    }
    Ok((found, Some(last)))
}

fn erased(connection: &Connection, skip: i64, limit: usize) -> Result<Part> {
    let rows = erasures::some(connection, skip, limit)?.into_iter();
    let rows = rows
        .map(|(stream, at, pending)| Ok(Carried::Erasure { stream, at: time(at)?, pending }))
        .collect::<Result<Vec<_>>>()?;
    let more = counted(&rows, skip, limit);
    Ok((rows, more))
}
