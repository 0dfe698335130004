//! The most that SQLite can do here: rows of 450 bytes, a thousand a transaction, synced. Prints rows a second.
//!
//!     sqlite_insert FOLDER ROWS
#![allow(clippy::print_stdout, reason = "its figure is read by the chore that runs it")]

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use rusqlite::Connection;

const ROWS_PER_TRANSACTION: u32 = 1_000;
const ROW_BYTES: usize = 450;

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("which folder?")?);
    let rows: u32 = arguments.next().context("how many rows?")?.parse()?;
    let mut connection = Connection::open(folder.join("insert.db"))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", 20_000)?;
    connection.execute("CREATE TABLE row (n INTEGER PRIMARY KEY, body BLOB NOT NULL)", ())?;
    let body = vec![b'x'; ROW_BYTES];
    let begin = Instant::now();
    let mut written = 0;
    while written < rows {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare("INSERT INTO row (body) VALUES (?1)")?;
            for _ in 0..ROWS_PER_TRANSACTION {
                insert.execute([&body])?;
            }
        }
        transaction.commit()?;
        written += ROWS_PER_TRANSACTION;
    }
    println!("{}", f64::from(written) / begin.elapsed().as_secs_f64());
    Ok(())
}
