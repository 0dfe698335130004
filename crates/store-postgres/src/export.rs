//! Views as sorted lines of text, for comparison.

use store::{
    Error, Share,
    encoding::{
        Lines, counter_line, directory_line, membership_line, micros, profile_due_line, profile_line,
        quarantine_line, schedule_due_line, search_line, sum_line,
    },
};

use crate::{
    fault::Result,
    session::Session,
    tables::{counters, directory, due, memberships, profiles, quarantine, search, sums},
};

/// One share of a view's rows.
pub(crate) async fn lines(session: &Session, view: &str, share: Share) -> Result<Vec<String>> {
    let mut lines = Lines::of(share);
    match view {
        "profiles" => {
            profiles::each(session, |found| {
                lines.push(profile_line(&found?));
                Ok(())
            })
            .await?;
        }
        "memberships" => {
            memberships::each(session, |found| {
                let (audience, profile, since) = found?;
                lines.push(membership_line(audience, profile, since));
                Ok(())
            })
            .await?;
        }
        "search" => {
            search::each(session, |found| {
                let (key, value, profile) = found?;
                lines.push(search_line(key, value, profile));
                Ok(())
            })
            .await?;
        }
        "due" => {
            profiles::each(session, |found| {
                let row = found?;
                lines.extend(row.due_at.map(|at| profile_due_line(micros(at), row.id)));
                Ok(())
            })
            .await?;
            let schedules = due::schedules(session).await?;
            lines.extend(schedules.iter().map(|(address, at)| schedule_due_line(*at, address)));
        }
        "sums" => {
            let sums = sums::list(session).await?;
            lines
                .extend(sums.iter().map(|(currency, account, amount)| sum_line(currency, *account, *amount)));
        }
        "counters" => {
            counters::each(session, |found| {
                let (key, counter) = found?;
                lines.push(counter_line(&key, counter.used, counter.n));
                Ok(())
            })
            .await?;
        }
        "directory" => {
            directory::each(session, |found| {
                let (key, entry) = found?;
                lines.push(directory_line(&key, entry));
                Ok(())
            })
            .await?;
        }
        "quarantine" => {
            quarantine::each(session, |found| {
                lines.push(quarantine_line(&found?));
                Ok(())
            })
            .await?;
        }
        other => return Err(Error::Missing(format!("view `{other}`")).into()),
    }
    Ok(lines.sorted())
}
