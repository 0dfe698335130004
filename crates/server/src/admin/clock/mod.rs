//! The environment's clock: the world's, or in a test environment one that is moved by hand.

pub(crate) mod advance;
pub(crate) mod show;

use runtime::{Environment, control::ClockSetting};
use serde::Serialize;
use utoipa::ToSchema;

/// A clock.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClockForm {
    /// The environment's time.
    #[schema(value_type = String, format = DateTime)]
    now: jiff::Timestamp,
    /// `system` goes with the world; `manual` stands still until it is moved.
    #[schema(example = "manual")]
    setting: &'static str,
}

impl ClockForm {
    fn of(environment: &Environment) -> Self {
        let setting = match environment.state().clock {
            ClockSetting::System => "system",
            ClockSetting::Manual(_) => "manual",
        };
        Self { now: environment.now(), setting }
    }
}
