//! The layer itself. All of this crate's `unsafe` is here.
//!
//! A copy of `SQLite`'s default layer whose `xOpen` opens a file through the default one and then, for main
//! data files, puts another table of methods in the file's place for them: a copy of the file's own, with
//! reading and writing replaced by ones that verify and seal. The file object stays what it was, so every other
//! method works on it as before.
//!
//! What `SQLite` reads and writes of a main data file, and what becomes of it here:
//!
//! * Whole pages, always: those are sealed and verified.
//! * The header on the first page, or a part of it, before any lock is held (the page's size) and to see whether
//!   a cache is still good (the counter of changes). Passed on unverified: it may be caught in the middle of a
//!   write, and nothing is answered from it before the first page has been read whole.
//! * The beginning of an overflow page, or a memory map of the file, where the layer says that it can: ours says
//!   that it cannot.
//!
//! Anything else would be the work of a header that lies about the page's size, and is an error.

#![allow(unsafe_code)] // SQLite's file layer is C; each block says why it holds

use std::{
    ffi::{c_int, c_void},
    ptr,
    sync::{Mutex, OnceLock, PoisonError},
};

use rusqlite::ffi::{
    self, SQLITE_IOCAP_SUBPAGE_READ, SQLITE_IOERR_DATA, SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_WRITE,
    SQLITE_MISUSE, SQLITE_NOTADB, SQLITE_OK, SQLITE_OPEN_MAIN_DB, sqlite3_file, sqlite3_io_methods,
    sqlite3_vfs,
};

use crate::{
    gap,
    seal::{self, HEADER_BYTES, PAGE_BYTES, Page},
};

/// A file's methods, with those of the layer below. `SQLite` sees the first field only.
#[repr(C)]
struct Methods {
    ours: sqlite3_io_methods,
    theirs: &'static sqlite3_io_methods,
}

/// The layer below, found once. The default layer lives as long as the process.
static BELOW: OnceLock<Below> = OnceLock::new();

struct Below(*mut sqlite3_vfs);

// SAFETY: the default layer is made for use from all threads; `SQLite` itself uses it so, by this pointer.
unsafe impl Send for Below {}
// SAFETY: as above.
unsafe impl Sync for Below {}

pub(crate) fn register() -> Result<(), rusqlite::Error> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    let code = *REGISTERED.get_or_init(|| {
        // SAFETY: initialises the library (again does nothing), then asks for the default layer by a null name.
        let below = unsafe {
            ffi::sqlite3_initialize();
            ffi::sqlite3_vfs_find(ptr::null())
        };
        if below.is_null() {
            return SQLITE_MISUSE;
        }
        BELOW.get_or_init(|| Below(below));
        // SAFETY: `below` points at a layer that lives for ever and, but for its link to the next one, is not
        // changed while it is registered. That link changes only when a layer is registered, which in this process
        // `sqlite3_initialize` does, and has done by now, and this closure, which runs once.
        let mut layer = unsafe { *below };
        layer.pNext = ptr::null_mut();
        layer.zName = c"checked-pages".as_ptr();
        layer.xOpen = Some(open);
        // SAFETY: the copy is leaked, so it lives for ever, as a registered layer must. Its other methods take it
        // for the layer below, of which it has the size of files, the longest path and the data.
        unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 0) }
    });
    if code == SQLITE_OK {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("the checked-pages layer".to_owned())))
}

/// Opens a file through the layer below, and puts our methods in place when it is a main data file. One without
/// room for seals is refused: writing to it would put seals where its rows are.
unsafe extern "C" fn open(
    _layer: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let Some(below) = BELOW.get() else { return SQLITE_MISUSE };
    // SAFETY: the layer below lives for ever (see `BELOW`).
    let Some(open) = (unsafe { (*below.0).xOpen }) else { return SQLITE_MISUSE };
    // SAFETY: the arguments are those `SQLite` gave for the same call; `file` has the size that the layer below
    // asks for, since ours asks for the same.
    let code = unsafe { open(below.0, name, file, flags, out) };
    if code != SQLITE_OK || flags & SQLITE_OPEN_MAIN_DB == 0 {
        return code;
    }
    // SAFETY: a file that was opened points at its methods, which live for ever in the layer below.
    let Some(theirs) = (unsafe { (*file).pMethods.as_ref() }) else { return SQLITE_MISUSE };
    // SAFETY: `file` was opened just now and has these methods.
    let code = unsafe { admit(file, theirs) };
    if code == SQLITE_OK {
        // From the whole of `Methods`, not from its first field: `theirs` is read through this pointer again.
        let methods = ptr::from_ref(methods(theirs)).cast();
        // SAFETY: `file` is ours to change until this call returns.
        unsafe { (*file).pMethods = methods };
    } else {
        // SAFETY: the file is open; it is closed once, since `SQLite` leaves a file without methods alone.
        unsafe {
            if let Some(close) = theirs.xClose {
                close(file);
            }
            (*file).pMethods = ptr::null();
        }
    }
    code
}

/// Whether a file that was just opened is one whose pages have room for seals.
///
/// # Safety
/// `file` is open and has these methods.
unsafe fn admit(file: *mut sqlite3_file, theirs: &sqlite3_io_methods) -> c_int {
    let Some(read) = theirs.xRead else { return SQLITE_MISUSE };
    let mut first: Page = [0; PAGE_BYTES];
    // SAFETY: `first` has room for the page that is asked for.
    match unsafe { read(file, first.as_mut_ptr().cast(), AMOUNT, 0) } {
        SQLITE_OK if seal::is_foreign(&first) => SQLITE_NOTADB,
        // No page: never prepared, or cut off.
        SQLITE_IOERR_SHORT_READ => SQLITE_NOTADB,
        code => code,
    }
}

/// Our methods over some of the layer below. Made once for each kind (there are very few), never freed.
fn methods(theirs: &'static sqlite3_io_methods) -> &'static Methods {
    static MADE: Mutex<Vec<&'static Methods>> = Mutex::new(Vec::new());
    // Nothing in there is ever half made.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made.iter().find(|known| ptr::eq(known.theirs, theirs)) {
        return known;
    }
    let mut ours = *theirs;
    // Version 3 is reading around us by memory maps. Those of version 2, shared memory for the log's index, are
    // the layer below's and stay.
    ours.iVersion = ours.iVersion.min(2);
    ours.xFetch = None;
    ours.xUnfetch = None;
    ours.xRead = Some(read);
    ours.xWrite = Some(write);
    ours.xDeviceCharacteristics = Some(characteristics);
    let new: &'static Methods = Box::leak(Box::new(Methods { ours, theirs }));
    made.push(new);
    new
}

/// The methods of the layer below.
///
/// # Safety
/// `file` is a file that [`open`] has put our methods on.
unsafe fn theirs(file: *mut sqlite3_file) -> &'static sqlite3_io_methods {
    // SAFETY: its methods are then the first field of a `Methods` that is never freed nor changed, reached by a
    // pointer to all of it.
    unsafe { (*(*file).pMethods.cast::<Methods>()).theirs }
}

/// A page, as `SQLite` counts what it reads and writes.
const AMOUNT: c_int = 4096;
const _: () = assert!(AMOUNT as usize == PAGE_BYTES, "one size of page");

/// The number of the page that an access covers exactly, from 0.
fn page(amount: c_int, offset: i64) -> Option<u64> {
    let offset = u64::try_from(offset).ok()?;
    (amount == AMOUNT && offset % PAGE_BYTES as u64 == 0).then_some(offset / PAGE_BYTES as u64)
}

/// Whether an access stays within the file's header.
fn within_header(amount: c_int, offset: i64) -> bool {
    offset >= 0 && offset.saturating_add(i64::from(amount)) <= HEADER_BYTES
}

unsafe extern "C" fn read(file: *mut sqlite3_file, into: *mut c_void, amount: c_int, offset: i64) -> c_int {
    // SAFETY: `SQLite` calls this on files that have our methods only.
    let theirs = unsafe { theirs(file) };
    let Some(read) = theirs.xRead else { return SQLITE_MISUSE };
    let number = page(amount, offset);
    if number.is_none() && !within_header(amount, offset) {
        return SQLITE_IOERR_DATA;
    }
    // SAFETY: the same call, with the same arguments.
    let code = unsafe { read(file, into, amount, offset) };
    match (number, code) {
        (Some(number), SQLITE_OK) => {
            // SAFETY: `into` has room for `amount` bytes, which is a page, all of it was filled just now, and nobody
            // else writes to it before this call returns.
            let page = unsafe { &*into.cast::<Page>() };
            if seal::holds(page, number) { SQLITE_OK } else { SQLITE_IOERR_DATA }
        }
        // `SQLite` takes what is missing for zeros. Where a page's end is missing, its beginning is no page.
        (Some(_), SQLITE_IOERR_SHORT_READ) => {
            let mut size = 0;
            let Some(ask) = theirs.xFileSize else { return SQLITE_MISUSE };
            // SAFETY: `size` outlives the call.
            let asked = unsafe { ask(file, &raw mut size) };
            if asked == SQLITE_OK && size <= offset { code } else { SQLITE_IOERR_DATA }
        }
        _ => code,
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: `SQLite` calls this on files that have our methods only.
    let theirs = unsafe { theirs(file) };
    let (Some(write), Some(ask)) = (theirs.xWrite, theirs.xFileSize) else { return SQLITE_MISUSE };
    let Some(number) = page(amount, offset) else { return SQLITE_IOERR_WRITE };
    // SAFETY: `from` holds `amount` bytes, which is a page, and nobody writes to it before this call returns.
    let mut sealed = unsafe { *from.cast::<Page>() };
    if number == 0 && (!seal::leaves_room(&sealed) || gap::packs_itself(&sealed)) {
        // The seals would stand where its rows are, or its pages could not be told apart.
        return SQLITE_IOERR_WRITE;
    }
    let mut size = 0;
    // SAFETY: `size` outlives the call.
    let asked = unsafe { ask(file, &raw mut size) };
    if asked != SQLITE_OK {
        return asked;
    }
    gap::clear(&mut sealed, number, size);
    seal::close(&mut sealed, number);
    // SAFETY: the same call, with as many bytes from a page of our own, which outlives it.
    unsafe { write(file, sealed.as_ptr().cast(), amount, offset) }
}

/// Without reading parts of pages: those could not be verified.
unsafe extern "C" fn characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: `SQLite` calls this on files that have our methods only.
    let Some(ask) = (unsafe { theirs(file) }).xDeviceCharacteristics else { return 0 };
    // SAFETY: the same call, with the same argument.
    unsafe { ask(file) & !SQLITE_IOCAP_SUBPAGE_READ }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_have_numbers_and_only_the_header_goes_without() {
        for (amount, offset, number, header) in [
            (4096, 0, Some(0), false),
            (4096, 8192, Some(2), false),
            (100, 0, None, true),
            (16, 24, None, true),
            (16, 90, None, false),
            (4088, 4096, None, false), // the beginning of an overflow page
            (16, 4096 + 24, None, false),
            (1024, 0, None, false),
            (8192, 0, None, false),
            (4096, 1024, None, false),
            (4096, -4096, None, false),
            (16, -16, None, false),
        ] {
            assert_eq!(page(amount, offset), number, "{amount} at {offset}");
            assert_eq!(within_header(amount, offset), header, "{amount} at {offset}");
        }
    }
}
