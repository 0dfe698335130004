//! Configuration as data: kinds, references, validation, canonical form, expressions, diff and plan.
//!
//! Pure: text and bytes in, values and faults out. It knows no clock, file system, SQL or HTTP.
//!
//! The way of a program: [`document`] reads YAML or JSON into spanned trees; [`kinds`] decodes each
//! document into a typed spec; `check` resolves references and types every expression;
//! [`Bundle`] is the result as content-addressed canonical bytes; [`Program`] is a bundle compiled for
//! execution; [`diff`] and [`plan`] compare bundles.

pub mod address;
pub mod bundle;
pub mod canonical;
mod check;
pub mod closure;
mod decode;
pub mod diff;
pub mod document;
pub mod expression;
pub mod fault;
pub mod kinds;
pub mod plan;
pub mod program;
pub mod pull;
pub mod revision;
pub mod schema;

pub use address::{Address, Key, Kind};
pub use bundle::{Bundle, ManifestHash, RevisionId, SpecHash};
pub use fault::{Fault, Position};
pub use program::Program;
pub use revision::Revision;
