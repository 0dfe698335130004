//! Who an environment is, as its own store says.

use rusqlite::{Connection, OptionalExtension};
use store::Identity;

use crate::{
    checksum::Sum,
    codec::{array, int, uint},
    fault::{Result, verify},
};

fn sum(identity: &Identity) -> i64 {
    Sum::of("identity")
        .bytes(&identity.id)
        .text(&identity.name)
        .int(i64::from(identity.live))
        .int(int(identity.incarnation))
        .bytes(&identity.directory_key)
        .end()
}

/// `None` in a store that was never finished.
pub(crate) fn read(connection: &Connection) -> Result<Option<Identity>> {
    let row = connection
        .query_row("SELECT id, name, live, incarnation, directory_key, crc FROM identity", [], |row| {
            Ok((
                row.get::<_, Vec<u8>>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, i64>(3)?,
                row.get::<_, Vec<u8>>(4)?,
                row.get::<_, i64>(5)?,
            ))
        })
        .optional()?;
    let Some((id, name, live, incarnation, directory_key, crc)) = row else { return Ok(None) };
    let identity = Identity {
        id: array(&id)?,
        name,
        live,
        incarnation: uint(incarnation)?,
        directory_key: array(&directory_key)?,
    };
    verify(sum(&identity), crc, || "the environment's identity".to_owned())?;
    Ok(Some(identity))
}

pub(crate) fn write(connection: &Connection, identity: &Identity) -> Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO identity (one, id, name, live, incarnation, directory_key, crc)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
        (
            identity.id,
            &identity.name,
            identity.live,
            int(identity.incarnation),
            identity.directory_key,
            sum(identity),
        ),
    )?;
    Ok(())
}
