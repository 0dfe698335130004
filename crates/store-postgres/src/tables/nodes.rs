//! Who serves the environment at the moment, and who does what only one shall do. Times are the server's.

use jiff::Timestamp;
use store::{
    Beat, Heard, Identity, NodeRow,
    encoding::{array, int, micros, time, uint},
};

use super::head;
use crate::{
    fault::Result,
    session::{Call, Session},
    writing::same_incarnation,
};

/// The time is read by the first statement; what is read comes from later ones, and so is not older.
const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

const SAY: &str = "INSERT INTO node (id, name, started_at, seen_at, lasts_until, epoch, holds_timers)
    VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp() + $4 * interval '1 second', $5, $6)
    ON CONFLICT (id) DO UPDATE
    SET seen_at = excluded.seen_at, lasts_until = excluded.lasts_until, epoch = excluded.epoch,
        holds_timers = excluded.holds_timers";

/// Sorted, so that two who ask for several do not wait for each other in a circle.
const TAKE: &str = "INSERT INTO duty (name, node, lasts_until)
    SELECT name, $1, clock_timestamp() + $2 * interval '1 second' FROM unnest($3::text[]) AS name ORDER BY name
    ON CONFLICT (name) DO UPDATE SET node = excluded.node, lasts_until = excluded.lasts_until
    WHERE duty.node = excluded.node OR duty.lasts_until < clock_timestamp()";

const GIVE_UP: &str = "DELETE FROM duty WHERE node = $1 AND name <> ALL ($2::text[])";

/// Those that have not been heard of for an hour are forgotten: they were killed.
const FORGET: &str = "DELETE FROM node WHERE lasts_until < clock_timestamp() - interval '1 hour'";

const LIST: &str = "SELECT id, name, started_at, (extract(epoch FROM seen_at) * 1000000)::bigint, epoch, holds_timers,
        ARRAY(SELECT duty.name FROM duty WHERE node = node.id AND duty.lasts_until >= clock_timestamp() ORDER BY 1)
    FROM node WHERE lasts_until >= clock_timestamp() ORDER BY name, id";

/// Reports, and hears. Whoever serves what a restore has replaced hears that, also when it has nothing to write.
pub(crate) async fn beat(session: &Session, identity: &Identity, beat: &Beat) -> Result<Heard> {
    let (id, lasts) = (beat.id.as_slice(), beat.lasts.as_secs_f64());
    let (started_at, epoch) = (micros(beat.started_at), int(beat.epoch));
    let answers = session
        .flight(&[
            Call::With(SAY, vec![&id, &beat.name, &started_at, &lasts, &epoch, &beat.holds_timers]),
            Call::With(GIVE_UP, vec![&id, &beat.duties]),
            Call::With(TAKE, vec![&id, &lasts, &beat.duties]),
            Call::With(FORGET, vec![]),
            Call::With(NOW, vec![]),
            Call::With(LIST, vec![]),
        ])
        .await?;
    let [.., now, listed] = answers.as_slice() else { return Ok(silence()) };
    let at = now.rows.first().map_or(Ok(0), |row| row.try_get(0))?;
    let nodes = listed.rows.iter().map(node).collect::<Result<_>>()?;
    let head = head::read(session).await?;
    same_incarnation(identity, head)?;
    Ok(Heard { at: time(at)?, epoch: head.epoch, nodes })
}

fn silence() -> Heard {
    Heard { at: Timestamp::UNIX_EPOCH, epoch: 0, nodes: Vec::new() }
}

fn node(row: &tokio_postgres::Row) -> Result<NodeRow> {
    Ok(NodeRow {
        id: array(row.try_get(0)?)?,
        name: row.try_get(1)?,
        started_at: time(row.try_get(2)?)?,
        seen_at: time(row.try_get(3)?)?,
        epoch: uint(row.try_get(4)?)?,
        holds_timers: row.try_get(5)?,
        duties: row.try_get(6)?,
    })
}

/// Who is there.
pub(crate) async fn there(session: &Session) -> Result<Vec<NodeRow>> {
    session.query(LIST, &[]).await?.iter().map(node).collect()
}

/// Takes a node away.
pub(crate) async fn leave(session: &Session, id: [u8; 16]) -> Result<()> {
    let id = id.as_slice();
    session
        .flight(&[
            Call::With("DELETE FROM duty WHERE node = $1", vec![&id]),
            Call::With("DELETE FROM node WHERE id = $1", vec![&id]),
        ])
        .await?;
    Ok(())
}
