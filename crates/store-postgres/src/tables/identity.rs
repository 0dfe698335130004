//! Who an environment is, as its own schema says.

use store::{
    Identity,
    encoding::{Sum, array, verify},
};

use super::head::{self, Head};
use crate::{fault::Result, session::Session};

fn sum(identity: &Identity) -> i64 {
    Sum::of("identity")
        .bytes(&identity.id)
        .text(&identity.name)
        .int(i64::from(identity.live))
        .bytes(&identity.directory_key)
        .end()
}

/// `None` in a schema that holds nothing yet.
pub(crate) async fn read(session: &Session) -> Result<Option<Identity>> {
    let sql = "SELECT id, name, live, directory_key, crc FROM identity WHERE one = 1";
    let Some(row) = session.query_opt(sql, &[]).await? else { return Ok(None) };
    let identity = Identity {
        id: array(row.try_get(0)?)?,
        name: row.try_get(1)?,
        live: row.try_get(2)?,
        incarnation: head::read(session).await?.incarnation,
        directory_key: array(row.try_get(3)?)?,
    };
    verify(sum(&identity), row.try_get(4)?, || "the environment's identity".to_owned())?;
    Ok(Some(identity))
}

/// Writes a new environment's.
pub(crate) async fn make(session: &Session, identity: &Identity) -> Result<()> {
    session
        .execute(
            "INSERT INTO identity (one, id, name, live, directory_key, crc) VALUES (1, $1, $2, $3, $4, $5)",
            &[
                &identity.id.as_slice(),
                &identity.name,
                &identity.live,
                &identity.directory_key.as_slice(),
                &sum(identity),
            ],
        )
        .await?;
    head::make(session, Head { epoch: 0, incarnation: identity.incarnation }).await
}
