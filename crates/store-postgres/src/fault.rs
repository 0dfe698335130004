//! What goes wrong inside this backend, on its way to [`store::Error`].

use std::error::Error as _;

use store::Error;
use tokio_postgres::error::{DbError, SqlState};

/// An error of PostgreSQL or one that is the contract's already.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(tokio_postgres::Error),
    Store(Error),
}

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Sql(error) => error.code(),
            Self::Store(_) => None,
        }
    }

    /// Whether somebody else's write came between: the batch is decided again.
    pub(crate) fn is_conflict(&self) -> bool {
        [SqlState::UNIQUE_VIOLATION, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE]
            .iter()
            .any(|state| self.state() == Some(state))
    }

    /// Whether this only follows from an earlier error of the same transaction.
    pub(crate) fn follows(&self) -> bool {
        self.state() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }

    /// As the contract says it. `whose` and `doing` name the store and the work, for people.
    pub(crate) fn told(self, whose: &str, doing: &str) -> Error {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) => sql(error, whose, doing),
        }
    }

    /// The same of an environment.
    pub(crate) fn told_of(self, environment: &str, doing: &str) -> Error {
        self.told(&format!("environment `{environment}`"), doing)
    }

    /// The same of the control store.
    pub(crate) fn told_of_control(self) -> Error {
        self.told_installing("the control store", "using the control store")
    }

    /// The same of what the installing role does: it may lack the right to.
    pub(crate) fn told_installing(self, whose: &str, doing: &str) -> Error {
        match &self {
            Self::Sql(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                let message = error.as_db_error().map(DbError::message).unwrap_or_default();
                Error::Refused(format!(
                    "PostgreSQL does not allow it ({whose}: {doing}: {message}); the role of the URL needs CREATE on \
                     the database and the attribute CREATEROLE, and owns what it has made"
                ))
            }
            _ => self.told(whose, doing),
        }
    }
}

fn sql(error: tokio_postgres::Error, whose: &str, doing: &str) -> Error {
    let recovering = |why: &str| Error::Recovering(format!("{whose}: {doing}: {why}"));
    let Some(db) = error.as_db_error() else {
        // Not the server's words: the connection, or a column that is not what it should be.
        if error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>) {
            return recovering(&format!("the connection to PostgreSQL was lost ({})", said(&error)));
        }
        return Error::Backend { doing: format!("{doing} ({whose})"), source: Box::new(error) };
    };
    let message = db.message().to_owned();
    match db.code() {
        &SqlState::DISK_FULL => Error::Full(format!("{whose} (PostgreSQL says: {message})")),
        &SqlState::LOCK_NOT_AVAILABLE
        | &SqlState::T_R_DEADLOCK_DETECTED
        | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => recovering(&message),
        // Whole classes: connections, resources, somebody stepped in (shut-downs, time-outs), the system.
        state if ["08", "53", "57", "58"].iter().any(|class| state.code().starts_with(class)) => {
            recovering(&message)
        }
        &SqlState::READ_ONLY_SQL_TRANSACTION => recovering(&format!(
            "the server takes no writes ({message}); is it a standby, or switched to read-only?"
        )),
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            Error::Refused(format!(
                "PostgreSQL does not let us in for {whose}: {message}; check user and password in the URL, and \
             pg_hba.conf"
            ))
        }
        &SqlState::INVALID_CATALOG_NAME => {
            Error::Missing(format!("the database of {whose} (PostgreSQL says: {message})"))
        }
        &SqlState::NUMERIC_VALUE_OUT_OF_RANGE => {
            Error::Refused(format!("a number would leave the range of 64 bits ({whose}: {doing})"))
        }
        &SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER => {
            Error::Refused(format!("text with a zero byte cannot be kept ({whose}: {doing})"))
        }
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => {
            Error::Damaged { what: whose.to_owned(), detail: format!("{doing}: {message}") }
        }
        _ => Error::Backend { doing: format!("{doing} ({whose})"), source: Box::new(error) },
    }
}

/// An error with what it comes from.
pub(crate) fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut from = error.source();
    while let Some(cause) = from {
        text = format!("{text}: {cause}");
        from = cause.source();
    }
    text
}

/// A row that is not what was written.
pub(crate) fn damaged(what: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault::Store(store::encoding::damaged(what, detail))
}

/// A caller's mistake.
pub(crate) fn refused(what: impl Into<String>) -> Fault {
    Fault::Store(Error::Refused(what.into()))
}

/// An error of the file system, with the path.
pub(crate) fn file(doing: &str, path: &std::path::Path, error: std::io::Error) -> Error {
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        return Error::Full(path.display().to_string());
    }
    Error::Backend { doing: format!("{doing} {}", path.display()), source: Box::new(error) }
}
