//! Configuration in an environment: planning a change, applying it in one step, going back, and what each
//! environment binds for itself.

mod apply;
mod bindings;
mod crossings;
mod holders;
#[cfg(test)]
mod holders_tests;
mod plan;
mod rollback;
mod since;

pub use apply::{Applied, ApplyRequest};
pub use bindings::ConstantBinding;
pub use plan::{PlanSource, Planned};
