//! HTTP: collector, admin API, health, metrics.
//!
//! A [`Listener`] takes an address; [`app`] makes the routes it answers; [`serve`] runs it. Every refusal is a
//! [`Problem`]. No decision is made here: the runtime does that.

mod admin;
mod app;
mod body;
mod collector;
mod credential;
mod health;
mod listener;
mod metrics;
mod problem;
mod request_id;

pub use admin::document;
pub use app::{Here, app};
pub use listener::{Environments, Limits, Listener, ListenerConfig, Serves, serve};
pub use metrics::Traffic;
pub use problem::{Code, Problem};
pub use request_id::RequestId;
