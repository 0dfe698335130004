//! How backends write what is no column type of any database, alike for all of them: ids, times and places
//! as numbers and bytes, a checksum for every row, cursors that cannot be mixed up.
//!
//! No SQL here, and nothing that depends on where the bytes go.

mod checksum;
mod codec;
mod cursor;
mod lines;
mod names;
pub mod rehearsals;

pub use checksum::Sum;
pub use codec::*;
pub use cursor::List;
pub use lines::*;
pub use names::check_name;

use crate::{Cursor, Error, Page, Result};

/// A row that is not what was written.
pub fn damaged(what: impl Into<String>, detail: impl Into<String>) -> Error {
    Error::Damaged { what: what.into(), detail: detail.into() }
}

/// Says that a checksum does not fit, unless it does.
pub fn verify(found: i64, expected: i64, what: impl FnOnce() -> String) -> Result<()> {
    if found == expected { Ok(()) } else { Err(damaged(what(), "its checksum does not fit")) }
}

/// A page out of rows of which one more than `limit` were asked for.
pub fn page<T>(mut rows: Vec<T>, limit: usize, cursor: impl FnOnce(&T) -> Cursor) -> Page<T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(cursor) } else { None };
    Page { rows, next }
}
