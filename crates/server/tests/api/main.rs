//! The HTTP API over a real store: what it answers, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test that fails to unwrap has failed")]

mod access;
mod admin;
mod house;
mod imports;
mod ingest;
mod openapi;
mod rehearsals;
