//! The control store: the registry of environments, and the administrators. Small and seldom written.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use store::{AdministratorRow, RegistryRow};

use crate::{
    checksum::Sum,
    codec::{array, micros, opt_time, time},
    connection,
    fault::{Result, verify},
    schema,
};

/// The control store of a data folder.
pub(crate) struct Registry(Connection);

fn environment_sum(row: &RegistryRow) -> i64 {
    let sum = Sum::of("environment")
        .bytes(&row.id)
        .text(&row.name)
        .int(i64::from(row.live))
        .int(micros(row.made_at))
        .int(i64::from(row.making));
    // As it was before there was such a thing, for those that are kept here.
    row.elsewhere.iter().fold(sum, |sum, id| sum.bytes(id)).end()
}

fn administrator_sum(row: &AdministratorRow) -> i64 {
    Sum::of("administrator")
        .text(&row.id)
        .text(&row.name)
        .bytes(&row.token_hash)
        .text(&row.hint)
        .int(micros(row.made_at))
        .opt_int(row.revoked_at.map(micros))
        .end()
}

const ENVIRONMENT: &str = "SELECT id, name, live, made_at, making, crc, elsewhere FROM environment";

fn verified(row: &Row<'_>) -> Result<RegistryRow> {
    let found = RegistryRow {
        id: array(&row.get::<_, Vec<u8>>(0)?)?,
        name: row.get(1)?,
        live: row.get(2)?,
        made_at: time(row.get(3)?)?,
        making: row.get(4)?,
        elsewhere: row.get::<_, Option<Vec<u8>>>(6)?.map(|id| array(&id)).transpose()?,
    };
    verify(environment_sum(&found), row.get(5)?, || format!("environment `{}` in the registry", found.name))?;
    Ok(found)
}

impl Registry {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        connection::make(path)?;
        let mut connection = connection::file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.pragma_update(None, "trusted_schema", "OFF")?;
        schema::migrate(&mut connection, schema::CONTROL, &path.display().to_string())?;
        Ok(Self(connection))
    }

    /// The store's own id.
    pub(crate) fn id(&self) -> Result<[u8; 16]> {
        let id: Vec<u8> = self.0.query_row("SELECT id FROM store WHERE one = 1", [], |row| row.get(0))?;
        Ok(array(&id)?)
    }

    /// By name.
    pub(crate) fn environments(&self) -> Result<Vec<RegistryRow>> {
        let mut statement = self.0.prepare_cached(&format!("{ENVIRONMENT} ORDER BY name"))?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(verified(row)?);
        }
        Ok(found)
    }

    pub(crate) fn environment(&self, name: &str) -> Result<Option<RegistryRow>> {
        Ok(self.environments()?.into_iter().find(|row| row.name == name))
    }

    pub(crate) fn put_environment(&self, row: &RegistryRow) -> Result<()> {
        self.0.execute(
            "INSERT OR REPLACE INTO environment (id, name, live, made_at, making, crc, elsewhere)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                row.id,
                &row.name,
                row.live,
                micros(row.made_at),
                row.making,
                environment_sum(row),
                row.elsewhere,
            ),
        )?;
        Ok(())
    }

    pub(crate) fn remove_environment(&self, id: &[u8; 16]) -> Result<()> {
        self.0.execute("DELETE FROM environment WHERE id = ?1", [id])?;
        Ok(())
    }

    pub(crate) fn administrators(&self) -> Result<Vec<AdministratorRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, name, token_hash, hint, made_at, revoked_at, crc FROM administrator ORDER BY made_at, id",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let administrator = AdministratorRow {
                id: row.get(0)?,
                name: row.get(1)?,
                token_hash: array(&row.get::<_, Vec<u8>>(2)?)?,
                hint: row.get(3)?,
                made_at: time(row.get(4)?)?,
                revoked_at: opt_time(row.get(5)?)?,
            };
            let sum = administrator_sum(&administrator);
            verify(sum, row.get(6)?, || format!("administrator {}", administrator.id))?;
            found.push(administrator);
        }
        Ok(found)
    }

    pub(crate) fn put_administrator(&self, row: &AdministratorRow) -> Result<()> {
        self.0.execute(
            "INSERT OR REPLACE INTO administrator (id, name, token_hash, hint, made_at, revoked_at, crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                &row.id,
                &row.name,
                row.token_hash,
                &row.hint,
                micros(row.made_at),
                row.revoked_at.map(micros),
                administrator_sum(row),
            ),
        )?;
        Ok(())
    }
}

/// Whether a file holds an environment's store that was made to its end.
pub(crate) fn finished(path: &Path, id: &[u8; 16]) -> bool {
    let identity = || -> Result<bool> {
        let connection = connection::file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let there: Option<i64> = connection
            .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'identity'", [], |row| row.get(0))
            .optional()?;
        if there.is_none() {
            return Ok(false);
        }
        Ok(crate::tables::identity::read(&connection)?.is_some_and(|identity| identity.id == *id))
    };
    path.exists() && identity().unwrap_or(false)
}
