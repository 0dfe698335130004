//! Due work: each profile's earliest, and the environment's own schedules.

use jiff::Timestamp;
use ledger::ProfileId;
use store::{
    Due, DueOwner,
    encoding::{Sum, limit as bound, micros, profile_id, time, verify},
};

use super::profiles;
use crate::{fault::Result, session::Session};

fn sum(address: &str, at: i64) -> i64 {
    Sum::of("schedule").text(address).int(at).end()
}

/// Replaces the schedules.
pub(crate) async fn put_schedules(session: &Session, schedules: &[(String, Timestamp)]) -> Result<()> {
    session.execute("DELETE FROM schedule", &[]).await?;
    for (address, at) in schedules {
        put_schedule(session, address, *at).await?;
    }
    Ok(())
}

/// Adds one.
pub(crate) async fn put_schedule(session: &Session, address: &str, at: Timestamp) -> Result<()> {
    let at = micros(at);
    session
        .execute(
            "INSERT INTO schedule (address, at, crc) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[&address, &at, &sum(address, at)],
        )
        .await?;
    Ok(())
}

/// The schedules, earliest first.
pub(crate) async fn schedules(session: &Session) -> Result<Vec<(String, i64)>> {
    let rows = session.query("SELECT address, at, crc FROM schedule ORDER BY at, address", &[]).await?;
    rows.iter()
        .map(|row| {
            let (address, at): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            verify(sum(&address, at), row.try_get(2)?, || format!("the schedule of `{address}`"))?;
            Ok((address, at))
        })
        .collect()
}

/// Due at or before `until`, earliest first; schedules before profiles of the same time.
pub(crate) async fn list(session: &Session, until: Timestamp, limit: usize) -> Result<Vec<Due>> {
    let until = micros(until);
    let mut found: Vec<(i64, DueOwner)> = schedules(session)
        .await?
        .into_iter()
        .filter(|(_, at)| *at <= until)
        .map(|(address, at)| (at, DueOwner::Schedule(address)))
        .collect();
    let rows = session
        .query(
            "SELECT id FROM profile WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at, id LIMIT $2",
            &[&until, &bound(limit)],
        )
        .await?;
    let ids = rows.iter().map(|row| Ok(profile_id(row.try_get(0)?)?)).collect::<Result<Vec<ProfileId>>>()?;
    // The index is not summed up, the row is. What has moved on meanwhile is due no more.
    for row in profiles::load(session, &ids).await?.into_iter().flatten() {
        if let Some(at) = row.due_at.map(micros).filter(|at| *at <= until) {
            found.push((at, DueOwner::Profile(row.id)));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.truncate(limit);
    found.into_iter().map(|(at, owner)| Ok(Due { at: time(at)?, owner })).collect()
}

/// The earliest of all.
pub(crate) async fn next(session: &Session) -> Result<Option<Timestamp>> {
    let schedule = schedules(session).await?.first().map(|(_, at)| *at);
    let row = session.query_opt("SELECT min(due_at) FROM profile WHERE due_at IS NOT NULL", &[]).await?;
    let profile: Option<i64> = row.map_or(Ok(None), |row| row.try_get(0))?;
    Ok([schedule, profile].into_iter().flatten().min().map(time).transpose()?)
}
