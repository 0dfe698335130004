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

    /// Whether PostgreSQL says this.
    pub(crate) fn is(&self, state: &SqlState) -> bool {
        self.state() == Some(state)
    }

    /// Whether somebody else's write came between: the batch is decided again.
    pub(crate) fn is_conflict(&self) -> bool {
        [SqlState::UNIQUE_VIOLATION, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE]
            .iter()
            .any(|state| self.is(state))
    }

    /// Whether this only follows from an earlier error of the same transaction.
    pub(crate) fn follows(&self) -> bool {
        self.is(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }

    /// As the contract says it. `whose` and `doing` name the store and the work, for people.
    pub(crate) fn told(self, whose: &str, doing: &str) -> Error {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) => sql(&error, whose, doing),
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

/// Refusals of values that have words of their own.
const IS_TOLD: [&SqlState; 3] = [
    &SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
    &SqlState::CHARACTER_NOT_IN_REPERTOIRE,
    &SqlState::UNTRANSLATABLE_CHARACTER,
];

/// Of an environment's own role, which Greenroom made: what is in the URL has nothing to do with it.
pub(crate) fn own_role_refused(fault: &Fault, environment: &str, role: &str) -> Option<Error> {
    let Fault::Sql(error) = fault else { return None };
    let db = error.as_db_error()?;
    [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(db.code()).then(|| {
        Error::Refused(format!(
            "PostgreSQL does not let {environment} in as `{role}`: {}. That is the environment's own role, which Greenroom \
             made with a random password that only it knows; the user of the URL is another. If the database came out of a \
             dump, bring the roles of the old cluster along (`pg_dumpall --globals-only`); if not, see that pg_hba.conf lets \
             it in",
            words(db)
        ))
    })
}

fn sql(error: &tokio_postgres::Error, whose: &str, doing: &str) -> Error {
    let recovering = |why: &str| Error::Recovering(format!("{whose}: {doing}: {why}"));
    let Some(db) = error.as_db_error() else {
        // Not the server's words: the connection, or a column that is not what it should be.
        let said = said(error);
        if said.contains("password missing") {
            return Error::Refused(format!(
                "PostgreSQL asks for a password for {whose}, and the URL has none: write \
                 postgres://USER:PASSWORD@HOST:PORT/DATABASE"
            ));
        }
        if said.contains("certificate") {
            return recovering(&format!(
                "the certificate of PostgreSQL is not believed ({said}); name the file of the roots that signed it with \
                 &sslrootcert=FILE in the URL, and the host as the certificate has it"
            ));
        }
        if error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>) {
            return recovering(&format!("the connection to PostgreSQL was lost ({said})"));
        }
        return Error::Backend { doing: format!("{doing} ({whose})"), source: said.into() };
    };
    let message = words(db);
    match db.code() {
        // Values of rows stand in what the server says of these.
        state if state.code().starts_with("22") && !IS_TOLD.contains(&state) => Error::Backend {
            doing: format!("{doing} ({whose})"),
            source: format!("PostgreSQL refuses a value (SQLSTATE {})", state.code()).into(),
        },
        &SqlState::DISK_FULL => Error::Full(format!("{whose} (PostgreSQL says: {message})")),
        &SqlState::LOCK_NOT_AVAILABLE
        | &SqlState::T_R_DEADLOCK_DETECTED
        | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => recovering(&message),
        // Whole classes: connections, resources, limits, locks and states that are in the way, somebody stepped in
        // (shut-downs, time-outs), the system.
        state if ["08", "53", "54", "55", "57", "58"].iter().any(|class| state.code().starts_with(class)) => {
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
        &SqlState::INVALID_CATALOG_NAME => Error::Missing(format!(
            "what the URL names, {whose} (PostgreSQL says: {message}; correct the URL, or make it: `CREATE DATABASE … \
                 ENCODING 'UTF8' TEMPLATE template0`),"
        )),
        &SqlState::INSUFFICIENT_PRIVILEGE => recovering(&format!(
            "PostgreSQL does not allow it any more ({message}); give the role what it was granted when the environment was \
             made, it goes on by itself then"
        )),
        &SqlState::UNDEFINED_TABLE
        | &SqlState::UNDEFINED_COLUMN
        | &SqlState::UNDEFINED_FUNCTION
        | &SqlState::UNDEFINED_OBJECT
        | &SqlState::INVALID_SCHEMA_NAME => recovering(&format!(
            "what Greenroom has made in the database is gone or was changed ({message}); put it back, or restore a \
             backup of the environment"
        )),
        &SqlState::NUMERIC_VALUE_OUT_OF_RANGE => {
            Error::Refused(format!("a number would leave the range of 64 bits ({whose}: {doing})"))
        }
        &SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER => {
            Error::Refused(format!("text with a zero byte cannot be kept ({whose}: {doing})"))
        }
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => {
            Error::Damaged { what: whose.to_owned(), detail: format!("{doing}: {message}") }
        }
        _ => Error::Backend { doing: format!("{doing} ({whose})"), source: message.into() },
    }
}

/// What the server says, for people: its message, the code, and its hint. Not its detail, which repeats values of rows.
fn words(db: &DbError) -> String {
    let hint = db.hint().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    format!("{} (SQLSTATE {}{hint})", db.message(), db.code().code())
}

/// An error with what it comes from.
pub(crate) fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut from = error.source();
    while let Some(cause) = from {
        let words = cause.downcast_ref::<DbError>().map_or_else(|| cause.to_string(), words);
        text = format!("{text}: {words}");
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
