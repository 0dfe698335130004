//! What goes wrong inside this backend, on its way to [`store::Error`].

use rusqlite::ErrorCode;
use store::Error;

/// An error of `SQLite` or one that is the contract's already.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    Store(Error),
}

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<rusqlite::types::FromSqlError> for Fault {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Sql(error.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sql(error) => error.sqlite_error_code(),
            Self::Store(_) => None,
        }
    }

    /// Whether a page was not what had been written.
    fn is_bad_page(&self) -> bool {
        let extended = match self {
            Self::Sql(error) => error.sqlite_error().map(|error| error.extended_code),
            Self::Store(_) => None,
        };
        extended == Some(rusqlite::ffi::SQLITE_IOERR_DATA)
    }

    /// Whether a write that ended so leaves the connection in doubt: nothing more is done on it.
    ///
    /// A bad page does not: reading it failed, no write did. Opening again would find it as bad, and would keep
    /// everybody waiting for each caller who asks for it.
    pub(crate) fn poisons(&self) -> bool {
        !self.is_bad_page()
            && matches!(
                self.code(),
                Some(
                    ErrorCode::SystemIoFailure
                        | ErrorCode::DiskFull
                        | ErrorCode::CannotOpen
                        | ErrorCode::OutOfMemory
                        | ErrorCode::OperationInterrupted
                        | ErrorCode::ReadOnly
                        | ErrorCode::FileLockingProtocolFailed
                )
            )
    }

    /// As the contract says it. `doing` names the work, for people.
    pub(crate) fn told(self, environment: &str, doing: &str) -> Error {
        let file =
            format!("environments/{environment}/store.db, the data file of environment `{environment}`");
        self.told_of(&file, &format!("environment `{environment}`"), doing)
    }

    /// The same of the control store.
    pub(crate) fn told_of_control(self) -> Error {
        self.told_of("control.db, the control store", "the control store", "using the control store")
    }

    /// `file` says which, `whose` whom it belongs to.
    fn told_of(self, file: &str, whose: &str, doing: &str) -> Error {
        let (code, bad_page) = (self.code(), self.is_bad_page());
        let error = match self {
            Self::Store(error) => return error,
            Self::Sql(error) => error,
        };
        let damaged = |detail: String| Error::Damaged { what: file.to_owned(), detail };
        match (code, error) {
            (Some(ErrorCode::DiskFull), _) => Error::Full(whose.to_owned()),
            // The layer under SQLite refuses so what it has not made.
            (Some(ErrorCode::NotADatabase), _) => Error::Refused(format!(
                "{file}, is cut off or was made by an earlier build of greenroom, whose pages had no checksums; \
                 restore a backup of this build, or begin with a new data folder"
            )),
            _ if bad_page => damaged(format!(
                "{doing}: a page of it is not what was written there, which no rebuild mends"
            )),
            (Some(ErrorCode::DatabaseCorrupt), error)
            | (
                _,
                error @ (rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..)),
            ) => damaged(format!("{doing}: {error}")),
            (_, error) => Error::Backend { doing: format!("{doing} ({whose})"), source: Box::new(error) },
        }
    }
}

/// A row that is not what was written.
pub(crate) fn damaged(what: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault::Store(Error::Damaged { what: what.into(), detail: detail.into() })
}

/// A caller's mistake.
pub(crate) fn refused(what: impl Into<String>) -> Fault {
    Fault::Store(Error::Refused(what.into()))
}

/// Says that a checksum does not fit, unless it does.
pub(crate) fn verify(found: i64, expected: i64, what: impl FnOnce() -> String) -> Result<()> {
    if found == expected { Ok(()) } else { Err(damaged(what(), "its checksum does not fit")) }
}

/// An error of the file system, with the path.
pub(crate) fn file(doing: &str, path: &std::path::Path, error: std::io::Error) -> Error {
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        return Error::Full(path.display().to_string());
    }
    Error::Backend { doing: format!("{doing} {}", path.display()), source: Box::new(error) }
}
