//! From a spanned tree to a typed spec, one file a kind. Every fault is noted and reading goes on.
#![allow(
    clippy::option_option,
    reason = "left out, or faulty: two things, and the faults are noted elsewhere"
)]

pub(crate) mod audience;
pub(crate) mod constant;
pub(crate) mod currency;
pub(crate) mod event_type;
mod fields;
pub(crate) mod metric;
pub(crate) mod reactor;
mod reader;
mod scalars;
pub(crate) mod secret;
pub(crate) mod settings;
mod suggest;
pub(crate) mod traits;
mod value;

pub(crate) use fields::{Fields, View};
pub(crate) use reader::{Reader, Source};
pub(crate) use suggest::{did_you_mean, help as suggestion, listing};
pub(crate) use value::literal_of;

use crate::Kind;

/// The fields of each kind, in the order in which people read them.
pub(crate) const fn fields_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Settings => settings::FIELDS,
        Kind::Constant => constant::FIELDS,
        Kind::Secret => secret::FIELDS,
        Kind::EventType => event_type::FIELDS,
        Kind::Trait => traits::FIELDS,
        Kind::Metric => metric::FIELDS,
        Kind::Audience => audience::FIELDS,
        Kind::Currency => currency::FIELDS,
        Kind::Reactor => reactor::FIELDS,
    }
}
