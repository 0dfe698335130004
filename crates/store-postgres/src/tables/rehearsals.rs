//! Reports of rehearsals: the newest, each with what it says of members in rows of its own.

use ledger::ProfileId;
use store::{
    AboutMember, Error, REHEARSALS_KEPT, Rehearsal, RehearsalRow, Stream,
    encoding::{
        StreamKey, array, limit as bound, micros, opt_time, profile_id,
        rehearsals::{about_sum, report_sum, row_sum},
        time, verify,
    },
};
use tokio_postgres::Row;

use crate::{fault::Result, session::Session};

/// A row of `no, id, at, actor_id, actor, digest, current, candidate, since, until, trusted, crc`, verified.
fn verified(row: &Row) -> Result<(i64, RehearsalRow)> {
    let current: Option<&[u8]> = row.try_get(6)?;
    let found = RehearsalRow {
        id: row.try_get(1)?,
        at: time(row.try_get(2)?)?,
        actor_id: row.try_get(3)?,
        actor: row.try_get(4)?,
        digest: row.try_get(5)?,
        current: current.map(array).transpose()?,
        candidate: array(row.try_get(7)?)?,
        since: opt_time(row.try_get(8)?)?,
        until: opt_time(row.try_get(9)?)?,
        trusted: row.try_get(10)?,
    };
    verify(row_sum(&found), row.try_get(11)?, || format!("rehearsal {}", found.id))?;
    Ok((row.try_get(0)?, found))
}

/// Keeps a new report: nothing of people who have been erased, and none of the oldest. No batch may be under way: it
/// may be erasing somebody whom the report speaks of.
pub(crate) async fn keep(session: &Session, rehearsal: &Rehearsal) -> Result<()> {
    let id = &rehearsal.row.id;
    if session.query_opt("SELECT 1 FROM rehearsal WHERE id = $1", &[id]).await?.is_some() {
        return Err(Error::Exists(format!("rehearsal `{id}`")).into());
    }
    let mut members = rehearsal.members.clone();
    for member in &mut members {
        let key = StreamKey::new(Stream::Profile(member.profile));
        let erased = session.query_opt("SELECT 1 FROM erasure WHERE stream = $1", &[&key.bytes()]).await?;
        if erased.is_some() {
            member.about.clear();
        }
    }
    put(session, &Rehearsal { members, ..rehearsal.clone() }).await?;
    let oldest = session
        .query_opt("SELECT no FROM rehearsal ORDER BY no DESC LIMIT 1 OFFSET $1", &[&bound(REHEARSALS_KEPT)])
        .await?;
    if let Some(row) = oldest {
        let no: i64 = row.try_get(0)?;
        session.execute("DELETE FROM rehearsal WHERE no <= $1", &[&no]).await?;
        session.execute("DELETE FROM rehearsal_member WHERE rehearsal <= $1", &[&no]).await?;
    }
    Ok(())
}

/// Writes a report as it is, as the newest.
pub(crate) async fn put(session: &Session, rehearsal: &Rehearsal) -> Result<()> {
    let row = &rehearsal.row;
    let last = session.query_opt("SELECT coalesce(max(no), 0) FROM rehearsal", &[]).await?;
    let no: i64 = last.map_or(Ok(0), |row| row.try_get(0))? + 1;
    session
        .execute(
            "INSERT INTO rehearsal (no, id, at, actor_id, actor, digest, current, candidate, since, until, trusted, crc,
                                    report_crc, report)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            &[
                &no,
                &row.id,
                &micros(row.at),
                &row.actor_id,
                &row.actor,
                &row.digest,
                &row.current.as_ref().map(<[u8; 32]>::as_slice),
                &row.candidate.as_slice(),
                &row.since.map(micros),
                &row.until.map(micros),
                &row.trusted,
                &row_sum(row),
                &report_sum(&row.id, &rehearsal.report),
                &rehearsal.report,
            ],
        )
        .await?;
    for (place, member) in (0_i64..).zip(&rehearsal.members) {
        session
            .execute(
                "INSERT INTO rehearsal_member (rehearsal, place, profile, about, crc) VALUES ($1, $2, $3, $4, $5)",
                &[
                    &no,
                    &place,
                    &member.profile.0.as_slice(),
                    &member.about,
                    &about_sum(no, place, member),
                ],
            )
            .await?;
    }
    Ok(())
}

/// What reports say of a profile goes.
pub(crate) async fn erase(session: &Session, profile: ProfileId) -> Result<()> {
    let rows = session
        .query(
            "SELECT rehearsal, place FROM rehearsal_member WHERE profile = $1 AND about <> '' FOR UPDATE",
            &[&profile.0.as_slice()],
        )
        .await?;
    for row in &rows {
        let (no, place): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let member = AboutMember { profile, about: String::new() };
        session
            .execute(
                "UPDATE rehearsal_member SET about = '', crc = $3 WHERE rehearsal = $1 AND place = $2",
                &[&no, &place, &about_sum(no, place, &member)],
            )
            .await?;
    }
    Ok(())
}

/// Newest first, before a number. One more than `limit`.
pub(crate) async fn list(
    session: &Session,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<(i64, RehearsalRow)>> {
    let rows = session
        .query(
            "SELECT no, id, at, actor_id, actor, digest, current, candidate, since, until, trusted, crc
             FROM rehearsal WHERE no < $1 ORDER BY no DESC LIMIT $2",
            &[&before.unwrap_or(i64::MAX), &bound(limit.saturating_add(1))],
        )
        .await?;
    rows.iter().map(verified).collect()
}

/// One of them, whole.
pub(crate) async fn find(session: &Session, id: &str) -> Result<Option<Rehearsal>> {
    let sql = "SELECT no, id, at, actor_id, actor, digest, current, candidate, since, until, trusted, crc,
                      report_crc, report
               FROM rehearsal WHERE id = $1";
    match session.query_opt(sql, &[&id]).await? {
        Some(row) => Ok(Some(whole(session, &row).await?.1)),
        None => Ok(None),
    }
}

/// Oldest first, after a number; with their numbers.
pub(crate) async fn after(session: &Session, no: i64, limit: usize) -> Result<Vec<(i64, Rehearsal)>> {
    let sql = "SELECT no, id, at, actor_id, actor, digest, current, candidate, since, until, trusted, crc,
                      report_crc, report
               FROM rehearsal WHERE no > $1 ORDER BY no LIMIT $2";
    let mut found = Vec::new();
    for row in session.query(sql, &[&no, &bound(limit)]).await? {
        found.push(whole(session, &row).await?);
    }
    Ok(found)
}

/// A row with its report and what that says of members.
async fn whole(session: &Session, row: &Row) -> Result<(i64, Rehearsal)> {
    let (no, found) = verified(row)?;
    let report: String = row.try_get(13)?;
    let what = || format!("the report of rehearsal {}", found.id);
    verify(report_sum(&found.id, &report), row.try_get(12)?, what)?;
    let sql = "SELECT place, profile, about, crc FROM rehearsal_member WHERE rehearsal = $1 ORDER BY place";
    let mut members = Vec::new();
    for row in session.query(sql, &[&no]).await? {
        let profile = profile_id(row.try_get(1)?)?;
        let member = AboutMember { profile, about: row.try_get(2)? };
        verify(about_sum(no, row.try_get(0)?, &member), row.try_get(3)?, || {
            format!("what rehearsal {} says of profile {profile}", found.id)
        })?;
        members.push(member);
    }
    Ok((no, Rehearsal { row: found, report, members }))
}
