//! What the journal is good for besides the present: proving it, explaining it, making the views again, and
//! trying a candidate program on it.

mod explain;
mod postings;
pub(crate) mod rebuild;
mod rehearsal;
mod retraced;
mod verify;
pub(crate) mod walk;

pub use explain::{At, Duplicate, Explained, ExplainedRecord, Merge};
pub use postings::ledger_lines;
pub use rebuild::Rebuilt;
pub use rehearsal::{RehearsalRequest, Rehearsed, report};
pub use verify::{Finding, Verified};
