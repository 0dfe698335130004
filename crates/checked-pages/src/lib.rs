//! `SQLite` files whose every page carries a checksum, verified when the page is read.
//!
//! A row's own checksum tells that the row is what was written. It cannot tell that a row is missing: one bit
//! in a key or in a page's structure, and a search walks past it. For a directory of what has had its effect
//! that is the worst of answers. So each page of a data file ends in a seal over its bytes and its place, made
//! when the page is written and verified when it is read; a page that does not fit is an I/O error
//! (`SQLITE_IOERR_DATA`), never data.
//!
//! This is a layer between `SQLite` and its own way to the operating system, named [`NAME`]: it changes reads
//! and writes of whole pages of main data files, and leaves everything else (locks, shared memory, syncs, logs)
//! to the layer below. `SQLite` is told by the file's header to leave the seal's bytes of each page alone, so
//! that any `SQLite` can read such a file; one that writes it without this layer breaks the seals. A file that
//! was made without room for them is not opened (`SQLITE_NOTADB`), and an empty one neither: [`prepare`] first.
//!
//! On its way to the file a page also loses the copies of rows that `SQLite` leaves between its cells when it moves
//! them: what is deleted is then in no data file.
//!
//! What a seal does not see: a page that holds what it held before, because a disk forgot a later write of it;
//! and the write-ahead log. Its frames have `SQLite`'s own checksums, which are verified when the log is
//! recovered, but not when a page is read from it.

mod gap;
mod seal;
mod vfs;

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

pub use seal::{PAGE_BYTES, SEAL_BYTES};

/// The layer's name, for `Connection::open_with_flags_and_vfs`.
pub const NAME: &str = "checked-pages";

/// Makes the layer known to `SQLite`. Once is enough; again does nothing.
pub fn register() -> Result<(), rusqlite::Error> {
    vfs::register()
}

/// Makes a file that holds an empty database whose pages have room for seals, for its owner alone. One that is
/// there and holds something is left alone.
///
/// The file comes into its place whole and synced: half a page would be neither empty nor a database.
pub fn prepare(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.len() > 0 => return Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut name = OsString::from(path);
    name.push("-new");
    let new = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&seal::empty_database())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
