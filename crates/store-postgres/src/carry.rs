//! What leaves a store: everything that is not made again from the journal, kind by kind, in pages.

use std::collections::HashMap;

use store::{
    Carried, CarriedRecord, Direction, Page, Stream,
    encoding::{List, int, time},
};

use crate::{
    fault::Result,
    session::Session,
    tables::{
        configuration, control, due, erasures, feed, journal, outbox, outside, quarantine_streams, rehearsals,
    },
};

/// How many kinds [`Carried`] has.
const KINDS: i64 = 11;

/// Rows of one kind, and where it goes on if there may be more of it.
type Part = (Vec<Carried>, Option<i64>);

/// A page: rows of one kind. `after` is a kind, and a place in it. Keys and the like are few, and come at once.
pub(crate) async fn page(
    session: &Session,
    class: i32,
    list: List,
    after: Option<[i64; 2]>,
    limit: usize,
) -> Result<Page<Carried>> {
    let [kind, mut place] = after.unwrap_or([0, 0]);
    for no in kind..KINDS {
        let (rows, more) = match no {
            0 => of_control(session, place, limit).await?,
            1..=3 => of_configuration(session, no, place, limit).await?,
            4..=7 => (small(session, no).await?, None),
            8 => rehearsed(session, place, limit).await?,
            9 => records(session, class, place, limit).await?,
            _ => erased(session, place, limit).await?,
        };
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

async fn of_control(session: &Session, after: i64, limit: usize) -> Result<Part> {
    let rows = control::following(session, Direction::Forward, Some(after), limit).await?;
    let last = rows.last().map(|record| int(record.n));
    Ok((rows.into_iter().map(Carried::Control).collect(), last))
}

async fn of_configuration(session: &Session, kind: i64, place: i64, limit: usize) -> Result<Part> {
    match kind {
        1 => {
            let rows = configuration::objects_from(session, place, limit).await?;
            let rows: Vec<_> = rows.into_iter().map(Carried::Object).collect();
            let more = counted(&rows, place, limit);
            Ok((rows, more))
        }
        2 => {
            let rows = configuration::revisions_after(session, place, limit).await?;
            let last = rows.last().map(|(no, _)| *no);
            Ok((rows.into_iter().map(|(_, row)| Carried::Revision(row)).collect(), last))
        }
        _ => {
            let rows = configuration::promotions_after(session, place, limit).await?;
            let last = rows.last().map(|(no, _)| *no);
            Ok((rows.into_iter().map(|(_, row)| Carried::Promotion(row)).collect(), last))
        }
    }
}

async fn small(session: &Session, kind: i64) -> Result<Vec<Carried>> {
    Ok(match kind {
        4 => due::schedules(session)
            .await?
            .into_iter()
            .map(|(address, at)| Ok(Carried::Schedule(address, time(at)?)))
            .collect::<Result<_>>()?,
        5 => outside::keys(session).await?.into_iter().map(Carried::Key).collect(),
        6 => outside::secrets(session).await?.into_iter().map(Carried::Secret).collect(),
        _ => outside::checkpoints(session)
            .await?
            .into_iter()
            .map(|(name, place)| Carried::Checkpoint(name, place))
            .collect(),
    })
}

async fn rehearsed(session: &Session, after: i64, limit: usize) -> Result<Part> {
    let rows = rehearsals::after(session, after, limit).await?;
    let last = rows.last().map(|(no, _)| *no);
    Ok((rows.into_iter().map(|(_, row)| Carried::Rehearsal(Box::new(row))).collect(), last))
}

async fn records(session: &Session, class: i32, after: i64, limit: usize) -> Result<Part> {
    let end = feed::settled(session, class).await?;
    let rows = journal::feed_forward(session, after, end, limit).await?;
    let Some(last) = rows.last().map(|(place, _)| *place) else { return Ok((Vec::new(), None)) };
    let mut outbox: HashMap<i64, Vec<_>> = HashMap::new();
    for placed in outbox::between(session, after, last).await? {
        outbox.entry(placed.feed).or_default().push(placed.row);
    }
    let mut found = Vec::with_capacity(rows.len());
    for (place, record) in rows {
        let identity = match record.stream {
            Stream::Quarantine(message) => {
                quarantine_streams::find(session, &message).await?.and_then(|stream| stream.identity)
            }
            Stream::Profile(_) | Stream::Control => None,
        };
        let outbox = outbox.remove(&place).unwrap_or_default();
        found.push(Carried::Record(CarriedRecord { record, outbox, identity }));
    }
    Ok((found, Some(last)))
}

async fn erased(session: &Session, skip: i64, limit: usize) -> Result<Part> {
    let rows = erasures::some(session, skip, limit).await?.into_iter();
    let rows = rows
        .map(|(stream, at, pending)| Ok(Carried::Erasure { stream, at: time(at)?, pending }))
        .collect::<Result<Vec<_>>>()?;
    let more = counted(&rows, skip, limit);
    Ok((rows, more))
}
