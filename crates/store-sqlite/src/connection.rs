//! How connections are opened, and with which settings.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{Options, codec::int, fault::Result};

/// The size of a page. Small, because a commit writes whole pages and touches profiles and directory keys
/// all over the file: larger ones multiply what is written.
pub(crate) const PAGE_BYTES: u32 = 4096;

/// The writing connection: the only one of its file.
pub(crate) fn writing(path: &Path, options: &Options) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted is overwritten: an erased person's bytes do not linger in free space.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "wal_autocheckpoint", int(options.log_bytes / u64::from(PAGE_BYTES)))?;
    connection.pragma_update(None, "journal_size_limit", int(options.log_bytes))?;
    connection.pragma_update(None, "cache_size", cache(options.writer_cache_bytes))?;
    if let Some(bytes) = options.file_bytes_max {
        connection.pragma_update(None, "max_page_count", int(bytes / u64::from(PAGE_BYTES)).max(1))?;
    }
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// A read-only connection.
pub(crate) fn reading(path: &Path, options: &Options) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
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
