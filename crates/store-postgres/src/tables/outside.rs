//! Keys, secrets and import checkpoints; and every change of outside state.

use store::{
    KeyRow, OutsideChange, SecretRow,
    encoding::{Sum, array, micros, opt_time, time, verify},
};

use super::rehearsals;
use crate::{
    fault::{Result, damaged},
    session::Session,
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

async fn put_key(session: &Session, row: &KeyRow) -> Result<()> {
    let scopes = serde_json::Value::from(row.scopes.clone()).to_string();
    session
        .execute(
            "INSERT INTO key (id, hash, prefix, name, scopes, made_at, expires_at, revoked_at, hint, crc)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (id) DO UPDATE
             SET hash = excluded.hash, prefix = excluded.prefix, name = excluded.name, scopes = excluded.scopes,
                 made_at = excluded.made_at, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at,
                 hint = excluded.hint, crc = excluded.crc",
            &[
                &row.id,
                &row.hash.as_slice(),
                &row.prefix,
                &row.name,
                &scopes,
                &micros(row.made_at),
                &row.expires_at.map(micros),
                &row.revoked_at.map(micros),
                &row.hint,
                &key_sum(row, &scopes),
            ],
        )
        .await?;
    Ok(())
}

pub(crate) async fn keys(session: &Session) -> Result<Vec<KeyRow>> {
    let sql = "SELECT id, hash, prefix, name, scopes, made_at, expires_at, revoked_at, hint, crc FROM key ORDER BY id";
    let mut found = Vec::new();
    for row in session.query(sql, &[]).await? {
        let (id, scopes): (String, String) = (row.try_get(0)?, row.try_get(4)?);
        let what = || format!("key {id}");
        let key = KeyRow {
            id: id.clone(),
            hash: array(row.try_get(1)?)?,
            prefix: row.try_get(2)?,
            name: row.try_get(3)?,
            scopes: serde_json::from_str(&scopes).map_err(|_| damaged(what(), "its scopes do not read"))?,
            made_at: time(row.try_get(5)?)?,
            expires_at: opt_time(row.try_get(6)?)?,
            revoked_at: opt_time(row.try_get(7)?)?,
            hint: row.try_get(8)?,
        };
        verify(key_sum(&key, &scopes), row.try_get(9)?, what)?;
        found.push(key);
    }
    Ok(found)
}

pub(crate) fn secret_sum(row: &SecretRow) -> i64 {
    Sum::of("secret").text(&row.key).bytes(&row.sealed).int(micros(row.set_at)).text(&row.actor).end()
}

pub(crate) async fn secrets(session: &Session) -> Result<Vec<SecretRow>> {
    let rows = session.query("SELECT key, sealed, set_at, actor, crc FROM secret ORDER BY key", &[]).await?;
    let mut found = Vec::new();
    for row in rows {
        let secret = SecretRow {
            key: row.try_get(0)?,
            sealed: row.try_get(1)?,
            set_at: time(row.try_get(2)?)?,
            actor: row.try_get(3)?,
        };
        verify(secret_sum(&secret), row.try_get(4)?, || format!("secret `{}`", secret.key))?;
        found.push(secret);
    }
    Ok(found)
}

/// Whether a secret has a value.
pub(crate) async fn has_secret(session: &Session, key: &str) -> Result<bool> {
    Ok(session.query_opt("SELECT 1 FROM secret WHERE key = $1", &[&key]).await?.is_some())
}

fn checkpoint_sum(name: &str, position: &str) -> i64 {
    Sum::of("checkpoint").text(name).text(position).end()
}

pub(crate) async fn checkpoints(session: &Session) -> Result<Vec<(String, String)>> {
    let rows = session.query("SELECT name, position, crc FROM checkpoint ORDER BY name", &[]).await?;
    let mut found = Vec::new();
    for row in rows {
        let (name, position): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        verify(checkpoint_sum(&name, &position), row.try_get(2)?, || format!("checkpoint `{name}`"))?;
        found.push((name, position));
    }
    Ok(found)
}

pub(crate) async fn change(session: &Session, change: &OutsideChange) -> Result<()> {
    match change {
        OutsideChange::PutKey(row) => return put_key(session, row).await,
        OutsideChange::PutRehearsal(rehearsal) => return rehearsals::keep(session, rehearsal).await,
        OutsideChange::PutSecret(row) => {
            session
                .execute(
                    "INSERT INTO secret (key, sealed, set_at, actor, crc) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (key) DO UPDATE
                     SET sealed = excluded.sealed, set_at = excluded.set_at, actor = excluded.actor,
                         crc = excluded.crc",
                    &[&row.key, &row.sealed, &micros(row.set_at), &row.actor, &secret_sum(row)],
                )
                .await?
        }
        OutsideChange::DropSecret(key) => {
            session.execute("DELETE FROM secret WHERE key = $1", &[key]).await?
        }
        OutsideChange::PutCheckpoint(name, position) => {
            session
                .execute(
                    "INSERT INTO checkpoint (name, position, crc) VALUES ($1, $2, $3)
                     ON CONFLICT (name) DO UPDATE SET position = excluded.position, crc = excluded.crc",
                    &[name, position, &checkpoint_sum(name, position)],
                )
                .await?
        }
    };
    Ok(())
}
