//! JSON Schemas of event properties: compiled for the collector, and read for the types of expressions.

mod shape;
mod unnamed;
mod validator;

pub use shape::{Lookup, Named, lookup, named_paths, required};
pub use unnamed::unnamed;
pub use validator::{SchemaFault, Validator, is_decimal_text};
