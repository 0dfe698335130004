//! An environment at run time.
