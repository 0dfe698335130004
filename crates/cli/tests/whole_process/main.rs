//! Greenroom as a whole: real processes, real files, real clients.

mod damage;
mod import;
mod place;
mod power_cut;
mod programs;
mod refusals;
mod sdks;
