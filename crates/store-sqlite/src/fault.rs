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

    /// Whether a write that ended so leaves the connection in doubt: nothing more is done on it.
    pub(crate) fn poisons(&self) -> bool {
        matches!(
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

    /// As the contract says it. `doing` names the environment and the work, for people.
    pub(crate) fn told(self, environment: &str, doing: &str) -> Error {
        let code = self.code();
        match self {
            Self::Store(error) => error,
            Self::Sql(_) if code == Some(ErrorCode::DiskFull) => {
                Error::Full(format!("environment `{environment}`"))
            }
            Self::Sql(error) => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..) => damage(
                    &format!("the data file of environment `{environment}`"),
                    &format!("{doing}: {error}"),
                ),
                error if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
                    damage(
                        &format!("the data file of environment `{environment}`"),
                        &format!("{doing}: {error}"),
                    )
                }
                error => Error::Backend {
                    doing: format!("{doing} (environment `{environment}`)"),
                    source: Box::new(error),
                },
            },
        }
    }
}

fn damage(what: &str, detail: &str) -> Error {
    Error::Damaged { what: what.to_owned(), detail: detail.to_owned() }
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
