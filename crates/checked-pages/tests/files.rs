//! The layer under a real database.

use std::{
    fs,
    path::{Path, PathBuf},
};

use checked_pages::PAGE_BYTES;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi::SQLITE_IOERR_DATA};
use tempfile::TempDir;

fn open(path: &Path) -> rusqlite::Result<Connection> {
    checked_pages::register()?;
    Connection::open_with_flags_and_vfs(path, OpenFlags::SQLITE_OPEN_READ_WRITE, checked_pages::NAME)
}

/// A folder, and in it a database with rows of all sizes.
fn filled() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("t.db");
    checked_pages::prepare(&path).expect("it can be written");
    fill(&open(&path).expect("it opens"));
    (folder, path)
}

fn fill(connection: &Connection) {
    let filled = connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE t (key BLOB PRIMARY KEY, value TEXT) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO t SELECT randomblob(16), hex(randomblob(i % 300)) FROM n;
         INSERT INTO t VALUES (x'00', hex(randomblob(20000)));
         PRAGMA wal_checkpoint(TRUNCATE);",
    );
    filled.expect("it takes rows");
}

fn sum(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT sum(length(value)) FROM t", [], |row| row.get(0))
}

fn read(path: &Path) -> rusqlite::Result<i64> {
    open(path).and_then(|connection| sum(&connection))
}

fn whole(path: &Path) -> rusqlite::Result<String> {
    open(path)?.query_row("PRAGMA integrity_check", [], |row| row.get(0))
}

/// Whether every page of a file ends in a seal: the layer reads it all for a copy.
fn is_sealed(path: &Path) -> bool {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let to = folder.path().join("copy.db");
    copy(path, &to).is_ok()
}

fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    checked_pages::prepare(to).expect("it can be written");
    let (from, mut to) = (open(from)?, open(to)?);
    rusqlite::backup::Backup::new(&from, &mut to)?.step(-1)?;
    Ok(())
}

/// Whether an answer is the error of a page that does not fit.
fn is_bad_page<T>(answer: &rusqlite::Result<T>) -> bool {
    let code = answer.as_ref().err().and_then(rusqlite::Error::sqlite_error);
    code.is_some_and(|error| error.extended_code == SQLITE_IOERR_DATA)
}

fn is_refused<T>(answer: &rusqlite::Result<T>) -> bool {
    let code = answer.as_ref().err().and_then(rusqlite::Error::sqlite_error_code);
    code == Some(ErrorCode::NotADatabase)
}

#[test]
fn a_bad_page_is_an_error_wherever_it_is_bad() {
    let (_folder, path) = filled();
    let expected = read(&path).expect("it reads");
    let good = fs::read(&path).expect("it is there");
    assert_eq!(good.len() % PAGE_BYTES, 0);
    let pages = good.len() / PAGE_BYTES;
    assert!(pages > 50, "{pages} pages");
    assert!(is_sealed(&path));
    for page in 0..pages {
        // One bit, at another place in each page; and all of it lost.
        let place = page * PAGE_BYTES + page * 37 % PAGE_BYTES;
        for lost in [false, true] {
            let mut bad = good.clone();
            if lost {
                bad[page * PAGE_BYTES..][..PAGE_BYTES].fill(0);
            } else {
                bad[place] ^= 1 << (page % 8);
            }
            fs::write(&path, &bad).expect("it can be written");
            // A page that the question does not touch may be bad unnoticed: the answer is right then.
            let answer = read(&path);
            assert!(is_bad_page(&answer) || answer == Ok(expected), "page {page}: {answer:?}");
            assert_ne!(whole(&path).as_deref(), Ok("ok"), "page {page} is bad and nobody noticed");
            assert!(lost || !is_sealed(&path), "page {page} is bad and was copied");
        }
    }
}

#[test]
fn two_pages_that_have_changed_places_are_noticed() {
    let (_folder, path) = filled();
    let mut bytes = fs::read(&path).expect("it is there");
    let (first, second) = bytes[5 * PAGE_BYTES..].split_at_mut(PAGE_BYTES);
    first.swap_with_slice(&mut second[..PAGE_BYTES]);
    fs::write(&path, &bytes).expect("it can be written");
    assert!(is_bad_page(&read(&path)));
}

#[test]
fn a_file_that_is_cut_off_is_noticed() {
    let (_folder, path) = filled();
    let good = fs::read(&path).expect("it is there");
    for part in [0, 100, PAGE_BYTES - 1] {
        fs::write(&path, &good[..part]).expect("it can be written");
        assert!(is_refused(&read(&path)), "{part} bytes");
    }
    for part in [PAGE_BYTES, PAGE_BYTES + 1, good.len() - PAGE_BYTES, good.len() - 1] {
        fs::write(&path, &good[..part]).expect("it can be written");
        assert!(read(&path).is_err(), "{part} bytes");
    }
}

/// Damage that makes the header lie about the page's size must not lead around the seals.
#[test]
fn another_page_size_in_the_header_is_noticed() {
    let (_folder, path) = filled();
    let good = fs::read(&path).expect("it is there");
    for size in [512_u16, 1024, 8192, 1] {
        let mut bad = good.clone();
        bad[16..18].copy_from_slice(&size.to_be_bytes());
        fs::write(&path, &bad).expect("it can be written");
        let answer = read(&path);
        assert!(is_bad_page(&answer), "{size}: {answer:?}");
    }
}

#[test]
fn it_is_an_ordinary_database_to_others() {
    let (_folder, path) = filled();
    let expected = read(&path).expect("it reads");
    checked_pages::prepare(&path).expect("one that holds something is left alone");
    let plain = Connection::open(&path).expect("any SQLite opens it");
    assert_eq!(sum(&plain), Ok(expected));
    let whole: String = plain.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it reads");
    assert_eq!(whole, "ok");
}

#[test]
fn an_empty_file_is_prepared_for_its_owner_and_only_then_opened() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("t.db");
    fs::write(&path, b"").expect("it can be written");
    assert!(is_refused(&open(&path)), "rows would go where seals belong");
    checked_pages::prepare(&path).expect("it can be written");
    fill(&open(&path).expect("it opens"));
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).expect("it can be read").count(), 1, "nothing is left beside it");
}

/// Also where all that was written is still in the log: carrying it over would put seals on top of rows.
#[test]
fn a_file_without_room_for_seals_is_refused_and_left_as_it_is() {
    for checkpointed in [true, false] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("t.db");
        let plain = Connection::open(&path).expect("it opens");
        fill(&plain);
        if !checkpointed {
            plain.execute("DELETE FROM t WHERE length(value) > 400", []).expect("it deletes");
        }
        // As a crash leaves it: nothing is closed.
        let crashed = tempfile::tempdir().expect("a folder can be made");
        let names = ["t.db", "t.db-wal"];
        for name in names {
            fs::copy(folder.path().join(name), crashed.path().join(name)).expect("it can be copied");
        }
        let bytes = || names.map(|name| fs::read(crashed.path().join(name)).expect("it is there"));
        let before = bytes();
        assert!(is_refused(&read(&crashed.path().join("t.db"))));
        assert_eq!(bytes(), before);
    }
}

#[test]
fn a_copy_is_sealed_too() {
    let (folder, path) = filled();
    let to = folder.path().join("copy.db");
    let connection = open(&path).expect("it opens");
    // Some pages are in the log only.
    connection.execute("DELETE FROM t WHERE length(value) > 400", []).expect("it deletes");
    let expected = sum(&connection).expect("it reads");
    copy(&path, &to).expect("it copies");
    assert_eq!(read(&to), Ok(expected));
    assert!(is_sealed(&to));
}

#[test]
fn making_a_file_smaller_keeps_the_seals() {
    let (_folder, path) = filled();
    let before = fs::metadata(&path).expect("it is there").len();
    for journal in ["WAL", "DELETE"] {
        let connection = open(&path).expect("it opens");
        connection.pragma_update(None, "journal_mode", journal).expect("it changes");
        connection
            .execute_batch("DELETE FROM t WHERE length(value) % 3 = 1; VACUUM;")
            .expect("it deletes and packs");
        drop(connection);
        assert_eq!(whole(&path).as_deref(), Ok("ok"), "{journal}");
        assert!(is_sealed(&path), "{journal}");
        // Still without the last bytes of each page, or the next row would lie under a seal.
        assert_eq!(fs::read(&path).expect("it is there")[20], 8, "{journal}");
    }
    assert!(fs::metadata(&path).expect("it is there").len() < before);
}

/// What is rolled back leaves sealed pages, however it was spilled or journalled.
#[test]
fn rolling_back_keeps_the_seals() {
    for journal in ["WAL", "DELETE"] {
        let (_folder, path) = filled();
        let connection = open(&path).expect("it opens");
        connection.pragma_update(None, "journal_mode", journal).expect("it changes");
        let expected = sum(&connection).expect("it reads");
        // Few pages in memory, so that most of it is written before it is taken back.
        connection
            .execute_batch(
                "PRAGMA cache_size = 10; PRAGMA secure_delete = ON; BEGIN; DELETE FROM t WHERE length(value) > 50;
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO t SELECT randomblob(16), hex(randomblob(i % 900)) FROM n; ROLLBACK;",
            )
            .expect("it rolls back");
        assert_eq!(sum(&connection), Ok(expected), "{journal}");
        drop(connection);
        assert_eq!(whole(&path).as_deref(), Ok("ok"), "{journal}");
        assert!(is_sealed(&path), "{journal}");
    }
}

/// Rows that grow, shrink and go move others between pages; their copies stay behind in no page of the file.
#[test]
fn nothing_is_left_between_cells_and_their_pointers() {
    let (_folder, path) = filled();
    let connection = open(&path).expect("it opens");
    connection
        .execute_batch(
            "PRAGMA secure_delete = ON;
             DELETE FROM t WHERE length(value) % 3 = 0;
             UPDATE t SET value = value || value WHERE length(value) % 5 = 0;
             UPDATE t SET value = substr(value, 1, 20) WHERE length(value) % 7 = 0;
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .expect("they change");
    drop(connection);
    let bytes = fs::read(&path).expect("it is there");
    let mut seen = 0;
    for page in bytes.chunks(PAGE_BYTES).skip(1) {
        let header = match page[0] {
            0x02 | 0x05 => 12,
            0x0a | 0x0d => 8,
            _ => continue,
        };
        let number = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
        let gap = header + 2 * number(3)..number(5);
        seen += usize::from(!gap.is_empty());
        assert!(page[gap].iter().all(|byte| *byte == 0));
    }
    assert!(seen > 30, "{seen} gaps");
    assert_eq!(whole(&path).as_deref(), Ok("ok"));
}

/// Its pages could not be told apart.
#[test]
fn a_database_that_packs_itself_is_refused() {
    let (_folder, path) = filled();
    let connection = open(&path).expect("it opens");
    let packed = connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = FULL; VACUUM;");
    assert!(packed.is_err());
    drop(connection);
    assert_eq!(whole(&path).as_deref(), Ok("ok"), "it is as it was");
}
