//! Erasure: bodies and what hangs on them; headers stay.

use jiff::Timestamp;
use store::Stream;

use crate::{
    fault::{Result, refused},
    session::Session,
    tables::{
        erasures, journal, memberships, outbox,
        quarantine::Change,
        quarantine_streams::{self, Put},
        rehearsals, search,
    },
};

/// Erases streams and notes them in the list of erasures.
pub(crate) async fn streams(
    session: &Session,
    erase: &[Stream],
    members: &mut memberships::Counts,
) -> Result<()> {
    for stream in erase {
        one(session, *stream, members).await?;
        erasures::put(session, *stream, Timestamp::now(), false).await?;
    }
    Ok(())
}

/// Answers whether there was anything.
async fn one(session: &Session, stream: Stream, members: &mut memberships::Counts) -> Result<bool> {
    if stream == Stream::Control {
        return Err(refused("the control stream cannot be erased"));
    }
    let there = journal::erase_bodies(session, stream).await?;
    match stream {
        Stream::Control => {}
        Stream::Profile(id) => {
            outbox::erase(session, id).await?;
            rehearsals::erase(session, id).await?;
            search::remove_all(session, id).await?;
            memberships::leave_all(session, id, members).await?;
        }
        Stream::Quarantine(message) => {
            session.flight(&[Change::of(&message, None).write()]).await?;
            if let Some(tail) = quarantine_streams::find(session, &message).await? {
                let put = Put::of(&message, quarantine_streams::Tail { identity: None, ..tail });
                session.flight(&[put.write()]).await?;
            }
        }
    }
    Ok(there)
}

/// Erases again what a restore has brought back; profiles stay pending, since only a decision can close
/// their wallets.
pub(crate) async fn again(session: &Session, listed: &[(Stream, Timestamp)]) -> Result<()> {
    let mut members = memberships::Counts::default();
    for (stream, at) in listed {
        if one(session, *stream, &mut members).await? {
            erasures::put(session, *stream, *at, matches!(stream, Stream::Profile(_))).await?;
        }
    }
    let members = members.columns(session.shard);
    if !members.key.is_empty() {
        session.flight(&[members.add()]).await?;
    }
    Ok(())
}
