//! An environment at run time.
//!
//! [`Greenroom`] is the whole install: environments, administrators, the seal. [`Environment`] is one
//! environment: intake → batch → decide → commit; timers and clock; control changes; and, each in a module
//! of its own, what people do with it: promotion, rehearsal, verification; what takes long is listed in [`work`].
//!
//! No HTTP and no SQL: callers convert at the edge, and the store stands behind its contract.

pub mod batch;
pub mod clock;
pub mod command;
pub mod configuration;
pub mod control;
mod elsewhere;
pub mod environment;
mod erased;
pub mod error;
pub mod hashed;
pub mod history;
pub mod ingest;
pub mod install;
pub mod intake;
pub mod keys;
pub mod live;
pub mod master_key;
pub mod moving;
pub mod nodes;
pub mod opening;
pub mod quarantine;
pub mod seal;
pub mod timers;
mod views;
pub mod work;

pub use environment::Environment;
pub use error::{Error, Result};
pub use install::{Greenroom, Principal};
