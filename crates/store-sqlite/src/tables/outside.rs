//! Keys, secrets and import checkpoints; and every change of outside state.

use rusqlite::{Connection, OptionalExtension};
use store::{KeyRow, OutsideChange, SecretRow};

use super::rehearsals;
use crate::{
    checksum::Sum,
    codec::{array, micros, opt_time, time},
    fault::{Result, damaged, verify},
};

fn key_sum(row: &KeyRow, scopes: &str) -> i64 {
    Sum::of("key")
        .text(&row.id)
        .bytes(&row.hash)
        .text(&row.prefix)
        .text(&row.name)
        .text(scopes)
        .int(micros(row.made_at))
        .opt_int(row.expires_at.map(micros))
        .opt_int(row.revoked_at.map(micros))
        .text(&row.hint)
        .end()
}

fn put_key(connection: &Connection, row: &KeyRow) -> Result<()> {
    let scopes = serde_json::Value::from(row.scopes.clone()).to_string();
    connection.execute(
        "INSERT OR REPLACE INTO key (id, hash, prefix, name, scopes, made_at, expires_at, revoked_at, hint, crc)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            &row.id,
            row.hash,
            &row.prefix,
            &row.name,
            &scopes,
            micros(row.made_at),
            row.expires_at.map(micros),
            row.revoked_at.map(micros),
            &row.hint,
            key_sum(row, &scopes),
        ),
    )?;
    Ok(())
}

pub(crate) fn keys(connection: &Connection) -> Result<Vec<KeyRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, hash, prefix, name, scopes, made_at, expires_at, revoked_at, hint, crc FROM key ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let scopes: String = row.get(4)?;
        let what = || format!("key {id}");
        let key = KeyRow {
            id: id.clone(),
            hash: array(&row.get::<_, Vec<u8>>(1)?)?,
            prefix: row.get(2)?,
            name: row.get(3)?,
            scopes: serde_json::from_str(&scopes).map_err(|_| damaged(what(), "its scopes do not read"))?,
            made_at: time(row.get(5)?)?,
            expires_at: opt_time(row.get(6)?)?,
            revoked_at: opt_time(row.get(7)?)?,
            hint: row.get(8)?,
        };
        verify(key_sum(&key, &scopes), row.get(9)?, what)?;
        found.push(key);
    }
    Ok(found)
}

fn secret_sum(row: &SecretRow) -> i64 {
    Sum::of("secret").text(&row.key).bytes(&row.sealed).int(micros(row.set_at)).text(&row.actor).end()
}

pub(crate) fn secrets(connection: &Connection) -> Result<Vec<SecretRow>> {
    let mut statement =
        connection.prepare_cached("SELECT key, sealed, set_at, actor, crc FROM secret ORDER BY key")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let secret = SecretRow {
            key: row.get(0)?,
            sealed: row.get(1)?,
            set_at: time(row.get(2)?)?,
            actor: row.get(3)?,
        };
        verify(secret_sum(&secret), row.get(4)?, || format!("secret `{}`", secret.key))?;
        found.push(secret);
    }
    Ok(found)
}

/// Whether a secret has a value.
pub(crate) fn has_secret(connection: &Connection, key: &str) -> Result<bool> {
    let there: Option<i64> =
        connection.query_row("SELECT 1 FROM secret WHERE key = ?1", [key], |row| row.get(0)).optional()?;
    Ok(there.is_some())
}

fn checkpoint_sum(name: &str, position: &str) -> i64 {
    Sum::of("checkpoint").text(name).text(position).end()
}

pub(crate) fn checkpoints(connection: &Connection) -> Result<Vec<(String, String)>> {
    let mut statement =
        connection.prepare_cached("SELECT name, position, crc FROM checkpoint ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, position): (String, String) = (row.get(0)?, row.get(1)?);
        verify(checkpoint_sum(&name, &position), row.get(2)?, || format!("checkpoint `{name}`"))?;
        found.push((name, position));
    }
    Ok(found)
}

pub(crate) fn change(connection: &Connection, change: &OutsideChange) -> Result<()> {
    match change {
        OutsideChange::PutKey(row) => put_key(connection, row),
        OutsideChange::PutSecret(row) => {
            connection.execute(
                "INSERT OR REPLACE INTO secret (key, sealed, set_at, actor, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
                (&row.key, &row.sealed, micros(row.set_at), &row.actor, secret_sum(row)),
            )?;
            Ok(())
        }
        OutsideChange::DropSecret(key) => {
            connection.execute("DELETE FROM secret WHERE key = ?1", [key])?;
            Ok(())
        }
        OutsideChange::PutRehearsal(rehearsal) => rehearsals::keep(connection, rehearsal),
        OutsideChange::PutCheckpoint(name, position) => {
            connection.execute(
                "INSERT OR REPLACE INTO checkpoint (name, position, crc) VALUES (?1, ?2, ?3)",
                (name, position, checkpoint_sum(name, position)),
            )?;
            Ok(())
        }
    }
}
