//! The order of the feed: numbers that batches draw when they begin, and how far a reader may go who must not
//! leave anything out.
//!
//! A batch draws a number, then works, then commits; one with a later number may be done first. A reader who
//! went on from the latest number it saw would never see the earlier batch. So a batch first announces the last
//! number given out, by an advisory lock that it holds to its end; all its own numbers are above. A reader
//! reads the last number, then the announcements, and goes as far as the lowest of them: whoever has a number
//! up to there has ended before the reader looks at rows.

use crate::{fault::Result, session::Session};

/// Announces a batch. Its number is to be drawn in a later statement.
pub(crate) const ANNOUNCE: &str =
    "SELECT pg_advisory_xact_lock_shared($1, (last_value % 1073741824)::integer) FROM feed_no";

const LAST: &str = "SELECT last_value FROM feed_no";
const ANNOUNCED: &str = "SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND classid = $1::bigint::oid
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

const TURN: i64 = 1 << 30;

/// How many records a batch has at most, as bits.
const PLACES: u32 = 20;
/// The same.
pub(crate) const PLACES_MAX: usize = 1 << PLACES;

/// A record's place in the feed: its batch, then its place in that.
pub(crate) fn place(batch: i64, at: usize) -> i64 {
    (batch << PLACES) | i64::try_from(at).unwrap_or(0)
}

/// Whose place it is.
pub(crate) const fn batch(place: i64) -> i64 {
    place >> PLACES
}

/// The last place of a batch.
fn end_of(batch: i64) -> i64 {
    place(batch + 1, 0) - 1
}

/// The number of a batch that nobody follows: of rows that are put before the environment is served.
pub(crate) async fn unannounced(session: &Session) -> Result<i64> {
    let row = session.query_opt("SELECT nextval('feed_no')", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get(0))?)
}

/// What the announcements of an environment are filed under.
pub(crate) fn class(environment: &[u8; 16]) -> i32 {
    i32::try_from(crc32fast::hash(environment) >> 1).unwrap_or(0)
}

/// Up to which place (inclusive) nothing can appear any more that is not there.
pub(crate) async fn settled(session: &Session, class: i32) -> Result<i64> {
    let last: i64 = session.query_opt(LAST, &[]).await?.map_or(Ok(0), |row| row.try_get(0))?;
    let rows = session.query(ANNOUNCED, &[&i64::from(class)]).await?;
    let mut lowest = last;
    for row in rows {
        lowest = lowest.min(announced(row.try_get(0)?, last));
    }
    Ok(end_of(lowest))
}

/// The number that was announced by its last bits, not far from the last one.
fn announced(bits: i64, last: i64) -> i64 {
    let ahead = (bits - last).rem_euclid(TURN);
    if ahead < TURN / 2 { last + ahead } else { last + ahead - TURN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_around_the_turn() {
        for last in [5, TURN - 1, TURN, TURN + 3, 7 * TURN + 100] {
            for number in [last - 4, last, last + 4] {
                assert_eq!(announced(number.rem_euclid(TURN), last), number, "{number} beside {last}");
            }
        }
    }

    #[test]
    fn places_follow_batches() {
        assert!(place(1, PLACES_MAX - 1) < place(2, 0));
        assert_eq!(end_of(1), place(1, PLACES_MAX - 1));
        assert_eq!([place(1, 0), end_of(1), place(2, 0)].map(batch), [1, 1, 2]);
    }
}
