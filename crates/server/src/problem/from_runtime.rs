//! The runtime's errors as problems: mapped here, once.

use engine::admit::Problem as Detail;
use runtime::{Error, install::Unauthenticated};

use super::{Code, Problem};

/// How long clients are told to wait for a store that is recovering or an environment that stops.
const RECOVERY_SECONDS: u16 = 5;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Store(error) => error.into(),
            Error::Overloaded { retry_after_seconds, .. } => Self::new(Code::Overloaded, sentence(&text))
                .retry_after(u16::try_from(retry_after_seconds).unwrap_or(u16::MAX)),
            Error::Stopping(_) | Error::Overtaken | Error::MasterKey(_) => {
                Self::new(Code::Unavailable, sentence(&text)).retry_after(RECOVERY_SECONDS)
            }
            Error::Missing { .. } => Self::new(Code::NotFound, sentence(&text)),
            Error::Refused(_) | Error::Decision(_) => Self::new(Code::Refused, sentence(&text)),
            Error::Conflict(_) => Self::new(Code::Conflict, sentence(&text)),
            Error::Cancelled(_) => Self::new(Code::Cancelled, sentence(&text)),
            Error::KeyReused => Self::new(Code::KeyReused, sentence(&text)),
            Error::Stale(_) => Self::new(Code::Stale, sentence(&text)),
            Error::Blocked(blockers) => Self::new(Code::PlanBlocked, sentence(&text))
                .with_errors(blockers.into_iter().map(|detail| Detail { pointer: String::new(), detail })),
            Error::Faults(faults) => Self::new(Code::InvalidProgram, sentence(&text)).with_errors(
                faults.into_iter().map(|fault| Detail { detail: fault.to_string(), pointer: fault.pointer }),
            ),
            Error::Undecodable(_) | Error::Sealed(_) => {
                tracing::error!(error = text, "data is damaged");
                Self::new(Code::Damaged, sentence(&text))
            }
            Error::Internal(_) => Self::internal(&text),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        use store::Error;
        let text = error.to_string();
        let code = match error {
            Error::Damaged { .. } | Error::Rewound { .. } => {
                tracing::error!(error = text, "data is damaged");
                Code::Damaged
            }
            Error::Full(_) => {
                tracing::error!(error = text, "no space left");
                return Self::new(Code::NoSpace, sentence(&text)).retry_after(RECOVERY_SECONDS);
            }
            // A handle is closed under a request when its environment is restored or stopped just then.
            Error::InUse(_) | Error::Recovering(_) | Error::Closed(_) => {
                return Self::new(Code::Unavailable, sentence(&text)).retry_after(RECOVERY_SECONDS);
            }
            Error::Missing(_) => Code::NotFound,
            Error::Exists(_) => Code::Exists,
            Error::Cursor => Code::BadParameter,
            Error::Unrestorable(_) => Code::Refused,
            // What a backend says may name files and tables: for the log, not for clients.
            _ => return Self::internal(&text),
        };
        Self::new(code, sentence(&text))
    }
}

impl From<Unauthenticated> for Problem {
    fn from(why: Unauthenticated) -> Self {
        let text = sentence(&why.to_string());
        match why {
            // Clients send it again: it may well be accepted then.
            Unauthenticated::Unopened(_) => Self::new(Code::Unavailable, text).retry_after(RECOVERY_SECONDS),
            _ => Self::new(Code::Unauthorized, text),
        }
    }
}

/// As a sentence: a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
