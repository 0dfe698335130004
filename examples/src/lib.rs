//! The examples of this folder as values, for whoever cannot count on the folder being there.

pub mod record_shop;
