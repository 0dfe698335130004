//! Listening: addresses, bounds, what goes around every request, and a clean end.

mod around;
mod config;
mod serve;

pub(crate) use around::{Environment, around};
pub use config::{Environments, Limits, ListenerConfig, Serves};
pub use serve::{Listener, serve};

#[cfg(test)]
mod tests;
