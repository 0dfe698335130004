//! Backups: a consistent copy of a store with a manifest beside it, and putting one back.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rusqlite::{
    Connection, OpenFlags, TransactionBehavior,
    backup::{Backup, StepResult},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{BackupWatch, Error, Identity, RegistryRow, Restorable, Unfinished};

use crate::{
    Options,
    anchor::Anchor,
    codec::{hex, uint},
    connection,
    fault::{Fault, Result, file},
    folder::{self, Folder},
    schema,
    tables::{identity, outside, position::Position},
    writer::erase,
};

const FORMAT: u32 = 1;

/// What a backup says about itself: `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format_version: u32,
    environment: String,
    name: String,
    kind: String,
    incarnation: u64,
    /// How far the journal goes.
    seq: i64,
    records: u64,
    schema: usize,
    made_at: Timestamp,
    bytes: u64,
    sha256: String,
    greenroom: String,
}

fn kind(live: bool) -> &'static str {
    if live { "live" } else { "test" }
}

/// Pages copied at once: some megabytes.
const PAGES: std::ffi::c_int = 512;

/// Writes a backup into a folder that is absent or empty. The store goes on serving.
pub(crate) fn write(
    connection: &Connection,
    identity: &Identity,
    to: &Path,
    watch: &mut BackupWatch,
) -> Result<()> {
    let unfinished = Unfinished::begin(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Error::Exists(format!("something in {}; give a folder that is empty or absent", to.display()))
        }
        _ => file("making", to, error),
    })?;
    let path = to.join("store.db");
    connection::make(&path)?;
    copy(connection, &path, watch)?;
    let (position, incarnation, schema) = {
        let copy = connection::file(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let incarnation =
            identity::read(&copy)?.map_or(identity.incarnation, |identity| identity.incarnation);
        // One file is easier to carry than three.
        copy.pragma_update(None, "journal_mode", "DELETE")?;
        (Position::read(&copy)?, incarnation, schema::version(&copy)?)
    };
    let (bytes, sha256) = digest(&path, |bytes| watch.add(bytes))?;
    let manifest = Manifest {
        format_version: FORMAT,
        environment: hex(&identity.id),
        name: identity.name.clone(),
        kind: kind(identity.live).to_owned(),
        incarnation,
        seq: position.seq,
        records: position.records,
        schema,
        made_at: Timestamp::now(),
        bytes,
        sha256,
        greenroom: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::Backend {
        doing: "writing a backup's manifest".to_owned(),
        source: Box::new(e),
    })?;
    let path = to.join("manifest.json");
    folder::make_file(&path)?;
    let write = || {
        let mut out = File::create(&path)?;
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        out.sync_all()
    };
    write().map_err(|e| file("writing", &path, e))?;
    folder::sync(to)?;
    unfinished.finish().map_err(|e| file("finishing", to, e))?;
    Ok(())
}

/// Copies a store page by page. It is gone through twice: to be copied, and for the copy's digest.
fn copy(connection: &Connection, path: &Path, watch: &mut BackupWatch) -> Result<()> {
    // A moment of the store, however much is written meanwhile: the transaction holds it from its first read on.
    Position::read(connection)?;
    let page: u64 = uint(connection.pragma_query_value(None, "page_size", |row| row.get(0))?)?;
    let pages: u64 = uint(connection.pragma_query_value(None, "page_count", |row| row.get(0))?)?;
    watch.begin(pages * page * 2)?;
    let mut copy = connection::file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let backup = Backup::new(connection, &mut copy)?;
    let mut left = pages;
    loop {
        let step = backup.step(PAGES)?;
        let now = uint(backup.progress().remaining.into())?;
        watch.add(left.saturating_sub(now) * page)?;
        left = now;
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            stopped => {
                return Err(Error::Backend {
                    doing: "backing up".to_owned(),
                    source: format!("the copy stopped early ({stopped:?}); try again").into(),
                }
                .into());
            }
        }
    }
}

/// How long a file is, and its SHA-256; `read` hears of each part.
fn digest(path: &Path, mut read: impl FnMut(u64) -> store::Result<()>) -> store::Result<(u64, String)> {
    let failed = |e| file("reading", path, e);
    let mut from = File::open(path).map_err(failed)?;
    from.sync_all().map_err(failed)?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let part = from.read(&mut buffer).map_err(failed)?;
        if part == 0 {
            return Ok((bytes, hex(&hasher.finalize())));
        }
        hasher.update(&buffer[..part]);
        bytes += part as u64;
        read(part as u64)?;
    }
}

/// The manifest of a backup that is whole, and this environment's.
pub(crate) fn fitting(name: &str, known: Option<&RegistryRow>, from: &Path) -> store::Result<Manifest> {
    let manifest = read_manifest(from)?;
    if manifest.name != name || known.is_some_and(|row| hex(&row.id) != manifest.environment) {
        return Err(Error::Unrestorable(format!(
            "it is one of environment `{}` ({}), not of {name}; a backup goes back into its own environment only",
            manifest.name,
            manifest.environment,
            name = named(name, known.is_some()),
        )));
    }
    let (bytes, sha256) = digest(&from.join("store.db"), |_| Ok(()))?;
    if bytes != manifest.bytes || sha256 != manifest.sha256 {
        let why = "its store.db is not the file that its manifest describes; take another backup";
        return Err(Error::Unrestorable(why.to_owned()));
    }
    Ok(manifest)
}

/// What can be known of a backup before it is restored.
pub(crate) fn look(name: &str, known: Option<&RegistryRow>, from: &Path) -> store::Result<Restorable> {
    fitting(name, known, from)?;
    let read = || -> Result<Restorable> {
        let copy = connection::file(&from.join("store.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let identity = identity::read(&copy)?;
        let none = || Error::Unrestorable("it has no identity".to_owned());
        Ok(Restorable { environment: identity.ok_or_else(none)?.id, secrets: outside::secrets(&copy)? })
    };
    read().map_err(|fault| fault.told(name, "reading a backup"))
}

/// Puts a backup in the place of a store that is not open. Answers who it is now.
pub(crate) fn restore(
    folder: &Folder,
    options: &Options,
    name: &str,
    known: Option<&RegistryRow>,
    from: &Path,
) -> store::Result<Identity> {
    let manifest = fitting(name, known, from)?;
    let source = from.join("store.db");
    folder::make(&folder.environment(name))?;
    let path = folder.store(name);
    finish_swap(&path)?;
    let staged = path.with_file_name("restoring.db");
    for leftover in folder::with_companions(&staged) {
        remove(&leftover)?;
    }
    folder::make_file(&staged)?;
    fs::copy(&source, &staged).map_err(|e| file("copying", &source, e))?;
    folder::restrict(&staged)?;
    let identity = prepare(folder, options, name, &manifest, &path, &staged)
        .map_err(|fault| fault.told(name, "preparing a backup"))?;
    swap(&path, &staged)?;
    Anchor::new(folder.anchors(name)).reset()?;
    finish_swap(&path)?;
    Ok(identity)
}

/// An environment in words; there may be none of that name.
fn named(name: &str, known: bool) -> String {
    if known { format!("this `{name}`") } else { format!("`{name}`, which does not exist here") }
}

fn read_manifest(from: &Path) -> store::Result<Manifest> {
    let path = from.join("manifest.json");
    let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::Unrestorable("it has no manifest.json, so it is none, or not a whole one".to_owned())
        }
        _ => file("reading", &path, e),
    })?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|e| {
        Error::Unrestorable(format!("its manifest.json is not one of a backup of a data folder: {e}"))
    })?;
    if manifest.format_version > FORMAT {
        return Err(Error::Unrestorable(format!(
            "it was written by greenroom {}; restore it with that version or a newer one",
            manifest.greenroom
        )));
    }
    Ok(manifest)
}

/// Makes the staged copy fit to serve: a new incarnation, and nobody in it who has been erased since.
fn prepare(
    folder: &Folder,
    options: &Options,
    name: &str,
    manifest: &Manifest,
    path: &Path,
    staged: &Path,
) -> Result<Identity> {
    let mut connection = connection::writing(staged, options)?;
    schema::migrate(&mut connection, schema::STORE, &staged.display().to_string())?;
    let quick: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    let damaged = |detail: String| Fault::Store(Error::Damaged { what: "the backup".to_owned(), detail });
    if quick != "ok" {
        return Err(damaged(quick));
    }
    let mut identity =
        identity::read(&connection)?.ok_or_else(|| damaged("it has no identity".to_owned()))?;
    if hex(&identity.id) != manifest.environment
        || identity.name != name
        || kind(identity.live) != manifest.kind
    {
        return Err(damaged("its file and its manifest name different environments".to_owned()));
    }
    let newest = newest_incarnation(folder, name, &identity, path)?;
    identity.incarnation = newest + 1;
    let listed = erase::noted(&folder.erasures(name))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    identity::write(&transaction, &identity)?;
    erase::again(&transaction, &listed)?;
    let mut position = Position::read(&transaction)?;
    position.changes += 1;
    position.write(&transaction)?;
    transaction.commit()?;
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        return Err(Error::InUse(staged.display().to_string()).into());
    }
    drop(connection);
    File::open(staged).and_then(|file| file.sync_all()).map_err(|e| file("syncing", staged, e))?;
    Ok(identity)
}

/// The highest incarnation that was ever served here.
fn newest_incarnation(folder: &Folder, name: &str, backup: &Identity, path: &Path) -> Result<u64> {
    let anchored = Anchor::new(folder.anchors(name)).incarnation(backup)?;
    // The store in place may be the damaged one that is being replaced: what it says is a bonus.
    let placed = connection::file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|connection| identity::read(&connection))
        .ok()
        .flatten()
        .map_or(0, |identity| identity.incarnation);
    Ok(anchored.max(placed).max(backup.incarnation))
}

fn aside(path: &Path) -> PathBuf {
    path.with_file_name("before-restore.db")
}

/// Puts the staged file in place; the old one stays aside until [`finish_swap`].
fn swap(path: &Path, staged: &Path) -> store::Result<()> {
    let old = folder::with_companions(path);
    for (from, to) in old.iter().zip(folder::with_companions(&aside(path))).rev() {
        if from.exists() {
            fs::rename(from, &to).map_err(|e| file("moving", from, e))?;
        }
    }
    for leftover in folder::with_companions(staged).iter().skip(1) {
        remove(leftover)?;
    }
    fs::rename(staged, path).map_err(|e| file("moving", staged, e))?;
    folder::sync(&path.with_file_name("."))
}

/// Ends a swap, also one that a crash has cut short: with the new file in place the old one goes, without it
/// the old one comes back.
pub(crate) fn finish_swap(path: &Path) -> store::Result<()> {
    let old = folder::with_companions(&aside(path));
    if !old.iter().any(|file| file.exists()) {
        return Ok(());
    }
    if path.exists() && old[0].exists() {
        return old.iter().try_for_each(|file| remove(file));
    }
    for (from, to) in old.iter().zip(folder::with_companions(path)) {
        if from.exists() {
            fs::rename(from, &to).map_err(|e| file("moving", from, e))?;
        }
    }
    folder::sync(&path.with_file_name("."))
}

fn remove(path: &Path) -> store::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(file("removing", path, e)),
        _ => Ok(()),
    }
}
