//! The control store: the registry of environments with the roles that serve them, and the administrators.
//! Small and seldom written.

use std::pin::pin;

use bytes::Bytes;
use jiff::Timestamp;
use store::{
    AdministratorRow, Error, RegistryRow,
    encoding::{Sum, array, micros, opt_time, time, verify},
};
use tokio_postgres::{Row, binary_copy::BinaryCopyInWriter, types::Type};

use crate::{
    fault::{Result, damaged},
    session::{Param, Session},
};

/// An environment, and how to get at it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) row: RegistryRow,
    pub(crate) schema: String,
    pub(crate) role: String,
    pub(crate) password: String,
}

fn environment_sum(entry: &Entry) -> i64 {
    let Entry { row, schema, role, password } = entry;
    let sum = Sum::of("environment")
        .bytes(&row.id)
        .text(&row.name)
        .int(i64::from(row.live))
        .int(micros(row.made_at))
        .int(i64::from(row.making))
        .text(schema)
        .text(role)
        .text(password);
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

fn verified(row: &Row) -> Result<Entry> {
    let entry = Entry {
        row: RegistryRow {
            id: array(row.try_get(0)?)?,
            name: row.try_get(1)?,
            live: row.try_get(2)?,
            made_at: time(row.try_get(3)?)?,
            making: row.try_get(4)?,
            elsewhere: row.try_get::<_, Option<&[u8]>>(9)?.map(array).transpose()?,
        },
        schema: row.try_get(5)?,
        role: row.try_get(6)?,
        password: row.try_get(7)?,
    };
    let name = &entry.row.name;
    verify(environment_sum(&entry), row.try_get(8)?, || format!("environment `{name}` in the registry"))?;
    Ok(entry)
}

/// The store's own id.
pub(crate) async fn id(session: &Session) -> Result<[u8; 16]> {
    let row = session.query_opt("SELECT id FROM greenroom.store WHERE one = 1", &[]).await?;
    let row = row.ok_or_else(|| damaged("the control store", "its own id is gone"))?;
    Ok(array(row.try_get(0)?)?)
}

/// By name.
pub(crate) async fn environments(session: &Session) -> Result<Vec<Entry>> {
    let sql = "SELECT id, name, live, made_at, making, schema, role, password, crc, elsewhere
               FROM greenroom.environment ORDER BY name";
    session.query(sql, &[]).await?.iter().map(verified).collect()
}

pub(crate) async fn environment(session: &Session, name: &str) -> Result<Option<Entry>> {
    Ok(environments(session).await?.into_iter().find(|entry| entry.row.name == name))
}

/// Puts one that is not there, or says anew where one is kept.
pub(crate) async fn put_environment(session: &Session, entry: &Entry) -> Result<()> {
    let Entry { row, schema, role, password } = entry;
    let (id, sum) = (row.id.as_slice(), environment_sum(entry));
    let elsewhere = row.elsewhere.as_ref().map(<[u8; 16]>::as_slice);
    let known = "UPDATE greenroom.environment SET crc = $2, elsewhere = $3 WHERE id = $1";
    if session.execute(known, &[&id, &sum, &elsewhere]).await? == 1 {
        return Ok(());
    }
    // The server's log may keep statements with their parameters, and never what is copied: the password is among this.
    let sql = "COPY greenroom.environment
                 (id, name, live, made_at, making, schema, role, password, crc, elsewhere)
               FROM STDIN (FORMAT binary)";
    let sink = session.client().copy_in::<_, Bytes>(sql).await?;
    let types = [
        Type::BYTEA,
        Type::TEXT,
        Type::BOOL,
        Type::INT8,
        Type::BOOL,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT8,
        Type::BYTEA,
    ];
    let mut rows = pin!(BinaryCopyInWriter::new(sink, &types));
    let made_at = micros(row.made_at);
    rows.as_mut()
        .write(&[&id, &row.name, &row.live, &made_at, &row.making, schema, role, password, &sum, &elsewhere])
        .await?;
    rows.finish().await?;
    Ok(())
}

/// Marks one as made.
pub(crate) async fn made(session: &Session, entry: &Entry) -> Result<()> {
    let entry = Entry { row: RegistryRow { making: false, ..entry.row.clone() }, ..entry.clone() };
    // Of the same making: somebody else may have begun it anew.
    let sql = "UPDATE greenroom.environment SET making = false, crc = $3 WHERE id = $1 AND role = $2";
    let params: [Param<'_>; 3] = [&entry.row.id.as_slice(), &entry.role, &environment_sum(&entry)];
    let count = session.execute(sql, &params).await?;
    if count == 1 {
        return Ok(());
    }
    Err(Error::Missing(format!("environment `{}` in the registry", entry.row.name)).into())
}

pub(crate) async fn remove_environment(session: &Session, id: &[u8; 16]) -> Result<()> {
    session.execute("DELETE FROM greenroom.environment WHERE id = $1", &[&id.as_slice()]).await?;
    Ok(())
}

pub(crate) async fn administrators(session: &Session) -> Result<Vec<AdministratorRow>> {
    let sql = "SELECT id, name, token_hash, hint, made_at, revoked_at, crc
               FROM greenroom.administrator ORDER BY made_at, id";
    let mut found = Vec::new();
    for row in session.query(sql, &[]).await? {
        let administrator = AdministratorRow {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            token_hash: array(row.try_get(2)?)?,
            hint: row.try_get(3)?,
            made_at: time(row.try_get(4)?)?,
            revoked_at: opt_time(row.try_get(5)?)?,
        };
        verify(administrator_sum(&administrator), row.try_get(6)?, || {
            format!("administrator `{}`", administrator.name)
        })?;
        found.push(administrator);
    }
    Ok(found)
}

pub(crate) async fn put_administrator(session: &Session, row: &AdministratorRow) -> Result<()> {
    session
        .execute(
            "INSERT INTO greenroom.administrator (id, name, token_hash, hint, made_at, revoked_at, crc)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE
             SET name = excluded.name, token_hash = excluded.token_hash, hint = excluded.hint,
                 made_at = excluded.made_at, revoked_at = excluded.revoked_at, crc = excluded.crc",
            &[
                &row.id,
                &row.name,
                &row.token_hash.as_slice(),
                &row.hint,
                &micros(row.made_at),
                &row.revoked_at.map(micros),
                &administrator_sum(row),
            ],
        )
        .await?;
    Ok(())
}

/// Revokes one, unless nobody else is left; in a transaction of its own, which the caller ends.
pub(crate) async fn revoke_administrator(
    session: &Session,
    id: &str,
    at: Timestamp,
) -> Result<Option<Vec<AdministratorRow>>> {
    // Others read meanwhile, and nobody writes.
    session.plain("BEGIN; LOCK TABLE greenroom.administrator IN SHARE ROW EXCLUSIVE MODE").await?;
    let Some(row) = store::revoked(&administrators(session).await?, id, at)? else { return Ok(None) };
    put_administrator(session, &row).await?;
    administrators(session).await.map(Some)
}
