//! What can go wrong in a running environment.

/// A runtime error. The edge maps each to a problem with a stable code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The queue is full; nothing was taken.
    #[error("environment `{environment}` has too much waiting; try again in {retry_after_seconds} s")]
    Overloaded {
        /// Which environment.
        environment: String,
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The environment is stopping; nothing was taken.
    #[error("environment `{0}` is stopping; try again shortly")]
    Stopping(String),
    /// What was to be written has been overtaken again and again; nothing was taken.
    #[error("the same members are being changed by others all the time; try again")]
    Overtaken,
    /// There is no such thing.
    #[error("{what} `{name}` does not exist in environment `{environment}`")]
    Missing {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// Where.
        environment: String,
    },
    /// The request cannot be carried out as it stands; says what to change.
    #[error("{0}")]
    Refused(String),
    /// The request contradicts an earlier one or the state of things.
    #[error("{0}")]
    Conflict(String),
    /// Somebody cancelled the work while it was waited for.
    #[error("the {0} was cancelled")]
    Cancelled(&'static str),
    /// An Idempotency-Key was used before for something else.
    #[error("this Idempotency-Key was used before for another order; use a new key for a new order")]
    KeyReused,
    /// Something changed underneath: a stale plan, a stale expectation.
    #[error("{0}")]
    Stale(String),
    /// A plan cannot be applied until its blockers are gone.
    #[error("the plan is blocked: {}", .0.join("; "))]
    Blocked(Vec<String>),
    /// A program has faults.
    #[error("the program has {} fault(s)", .0.len())]
    Faults(Vec<program::Fault>),
    /// A decision could not be made.
    #[error(transparent)]
    Decision(#[from] engine::Fault),
    /// A record's bytes are not a record: damage that the store's sums did not show, or a newer format.
    #[error(transparent)]
    Undecodable(#[from] engine::record::Undecodable),
    /// Something sealed does not open: another master key, or damage.
    #[error("{0} cannot be unsealed: the master key is not the one it was sealed with")]
    Sealed(String),
    /// The master key is not the one that this environment was sealed with.
    #[error(
        "environment `{0}` was sealed with another master key than the one of this process. Every server of an \
         environment needs the same one: put the right one into GREENROOM_MASTER_KEY, or into the file master.key of the \
         data folder, and start again"
    )]
    MasterKey(String),
    /// A bug: an invariant did not hold. Nothing was acknowledged.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// Whether trying again later may help without any change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Overloaded { .. }
                | Self::Stopping(_)
                | Self::Overtaken
                | Self::Store(store::Error::Full(_) | store::Error::Recovering(_))
        )
    }
}

/// The result of a runtime call.
pub type Result<T, E = Error> = std::result::Result<T, E>;
