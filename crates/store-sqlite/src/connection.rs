//! How connections are opened, and with which settings.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{
    Options,
    codec::int,
    fault::{self, Result},
    folder,
};

/// The size of a page. Small, because a commit writes whole pages and touches profiles and directory keys
/// all over the file: larger ones multiply what is written.
const PAGE_BYTES: u64 = checked_pages::PAGE_BYTES as u64;

/// Opens a data file: the one place where that is done (the linter bans the other ways by name). Its pages are
/// verified as they are read.
pub(crate) fn file(path: &Path, access: OpenFlags) -> Result<Connection> {
    checked_pages::register()?;
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags_and_vfs(path, flags, checked_pages::NAME)?)
}

/// Makes a data file with nothing in it, for its owner alone. One that is there stays.
pub(crate) fn make(path: &Path) -> store::Result<()> {
    checked_pages::prepare(path).map_err(|e| fault::file("making", path, e))?;
    folder::restrict(path)
}

/// The writing connection: the only one of its file.
pub(crate) fn writing(path: &Path, options: &Options) -> Result<Connection> {
    let connection = file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted is overwritten: an erased person's bytes do not linger in free space.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    // The log is carried over beside the writer. This is for when that does not get to it.
    connection.pragma_update(None, "wal_autocheckpoint", log_pages(options) * 3)?;
    connection.pragma_update(None, "journal_size_limit", int(options.log_bytes))?;
    connection.pragma_update(None, "cache_size", cache(options.writer_cache_bytes))?;
    if let Some(bytes) = options.file_bytes_max {
        connection.pragma_update(None, "max_page_count", int(bytes / PAGE_BYTES).max(1))?;
    }
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// A connection that carries the log over into the data file, and writes nothing else.
pub(crate) fn carrying(path: &Path) -> Result<Connection> {
    let connection = file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    Ok(connection)
}

/// How many pages of log are carried over at once.
pub(crate) fn log_pages(options: &Options) -> i64 {
    int(options.log_bytes / PAGE_BYTES)
}

/// A read-only connection.
pub(crate) fn reading(path: &Path, options: &Options) -> Result<Connection> {
    let connection = file(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "query_only", "ON")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cache_size", cache(options.reader_cache_bytes))?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A cache size as `SQLite` takes it: in KiB when negative.
fn cache(bytes: u32) -> i64 {
    -i64::from(bytes / 1024)
}
