//! Backups: every table of an environment as one moment of it, with a manifest beside them.
//!
//! ```text
//! manifest.json       what it is a backup of, and the checksum of every file
//! tables/<name>.copy  a table's rows, as `COPY … (FORMAT binary)` writes them
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{
    BackupWatch, Error, Identity, Unfinished,
    encoding::{hex, uint},
};

use crate::{
    fault::{Result, file},
    pool::quoted,
    schema,
    session::Session,
    tables::{head, sums},
};

pub(crate) const FORMAT: u32 = 1;

/// What a backup says about itself: `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format_version: u32,
    pub(crate) store: String,
    pub(crate) environment: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) incarnation: u64,
    pub(crate) epoch: u64,
    pub(crate) records: u64,
    /// The last number of its feed.
    pub(crate) feed_no: i64,
    pub(crate) schema: usize,
    pub(crate) made_at: Timestamp,
    pub(crate) greenroom: String,
    pub(crate) tables: Vec<Table>,
}

/// A table's file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Which store's backups these are.
pub(crate) const STORE: &str = "postgres";

pub(crate) fn kind(live: bool) -> &'static str {
    if live { "live" } else { "test" }
}

pub(crate) fn table_file(folder: &Path, table: &str) -> PathBuf {
    folder.join("tables").join(format!("{table}.copy"))
}

/// Makes a folder that only we can read.
fn make(folder: &Path) -> store::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| file("making", folder, e))
}

fn made(path: &Path) -> store::Result<File> {
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    options.map_err(|e| file("making", path, e))
}

/// Takes a folder that is absent or empty.
pub(crate) fn prepare(to: &Path) -> store::Result<Unfinished> {
    let unfinished = Unfinished::begin(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Error::Exists(format!("something in {}; give a folder that is empty or absent", to.display()))
        }
        _ => file("making", to, error),
    })?;
    make(&to.join("tables"))?;
    Ok(unfinished)
}

/// The tables of the schema that the session works in; not those that the server itself forgets when it falls
/// (who serves the environment just now).
pub(crate) async fn tables(session: &Session) -> Result<Vec<String>> {
    let sql = "SELECT relname::text FROM pg_class
               WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relpersistence = 'p'
                   AND relname <> 'migration'
               ORDER BY relname";
    session.query(sql, &[]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// About how many bytes the tables hold.
const SIZE: &str = "SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relpersistence = 'p'";

/// Writes a backup into a prepared folder, from a transaction that reads one moment.
pub(crate) async fn write(
    session: &Session,
    identity: &Identity,
    to: &Path,
    watch: &mut BackupWatch,
) -> Result<()> {
    let size: i64 = session.query_opt(SIZE, &[]).await?.map_or(Ok(0), |row| row.try_get(0))?;
    watch.begin(uint(size)?)?;
    let head = head::read(session).await?;
    let records = sums::records(session).await?;
    let mut written = Vec::new();
    for name in tables(session).await? {
        written.push(table(session, &name, to, watch).await?);
    }
    // Not of the moment but of now, and so above all numbers in the tables.
    let row = session.query_opt("SELECT last_value FROM feed_no", &[]).await?;
    let feed_no = row.map_or(Ok(0), |row| row.try_get(0))?;
    let current = session.query_opt("SELECT current_schema()::text", &[]).await?;
    let current: String = current.map_or(Ok(String::new()), |row| row.try_get(0))?;
    let manifest = Manifest {
        format_version: FORMAT,
        store: STORE.to_owned(),
        environment: hex(&identity.id),
        name: identity.name.clone(),
        kind: kind(identity.live).to_owned(),
        incarnation: head.incarnation,
        epoch: head.epoch,
        records,
        feed_no,
        schema: schema::version(session, &current).await?,
        made_at: Timestamp::now(),
        greenroom: env!("CARGO_PKG_VERSION").to_owned(),
        tables: written,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::Backend {
        doing: "writing a backup's manifest".to_owned(),
        source: Box::new(e),
    })?;
    let path = to.join("manifest.json");
    let mut out = made(&path)?;
    writeln!(out, "{text}").and_then(|()| out.sync_all()).map_err(|e| file("writing", &path, e))?;
    for folder in [to.join("tables"), to.to_owned()] {
        File::open(&folder).and_then(|opened| opened.sync_all()).map_err(|e| file("syncing", &folder, e))?;
    }
    Ok(())
}

async fn table(session: &Session, name: &str, to: &Path, watch: &mut BackupWatch) -> Result<Table> {
    let path = table_file(to, name);
    let failed = |e| file("writing", &path, e);
    let mut out = BufWriter::new(made(&path)?);
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let sql = format!("COPY {} TO STDOUT (FORMAT binary)", quoted(name));
    let rows = session.client().copy_out(&sql).await?;
    let mut rows = Box::pin(rows);
    while let Some(part) = rows.try_next().await? {
        hasher.update(&part);
        bytes += part.len() as u64;
        out.write_all(&part).map_err(failed)?;
        watch.add(part.len() as u64)?;
    }
    let out = out.into_inner().map_err(|e| failed(e.into_error()))?;
    out.sync_all().map_err(failed)?;
    Ok(Table { name: name.to_owned(), bytes, sha256: hex(&hasher.finalize()) })
}

/// Reads a backup's manifest, and checks every file against it.
pub(crate) fn read(from: &Path) -> store::Result<Manifest> {
    let path = from.join("manifest.json");
    let bad = |detail: String| Error::Unrestorable(format!("it is none of this store: {detail}"));
    let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::Unrestorable("it has no manifest.json, so it is none, or not a whole one".to_owned())
        }
        _ => file("reading", &path, e),
    })?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|e| bad(format!("manifest.json: {e}")))?;
    if manifest.store != STORE || manifest.format_version != FORMAT {
        let (store, format) = (&manifest.store, manifest.format_version);
        return Err(bad(format!("it has format {format} of store `{store}`")));
    }
    for table in &manifest.tables {
        let path = table_file(from, &table.name);
        let (bytes, sha256) = digest(&path)?;
        if bytes != table.bytes || sha256 != table.sha256 {
            return Err(Error::Unrestorable(format!(
                "the file of its table {} is not the one that was written; take another backup",
                table.name
            )));
        }
    }
    Ok(manifest)
}

fn digest(path: &Path) -> store::Result<(u64, String)> {
    let failed = |e| file("reading", path, e);
    let mut from = File::open(path).map_err(failed)?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let read = from.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok((bytes, hex(&hasher.finalize())));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}
