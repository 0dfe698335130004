//! The control stream: what decisions depend on besides profiles. Its position is the epoch.

mod change;
mod epochs;
mod write;

pub(crate) use change::hex;
pub use change::{Actor, Change, ControlRecord};
pub use epochs::{ClockSetting, EpochState, Epochs};
pub use write::ControlDraft;
