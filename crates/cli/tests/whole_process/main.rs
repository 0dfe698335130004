//! Greenroom as a whole: real processes, real files, real clients.

mod asked;
mod bindings;
mod damage;
mod expressions;
mod idempotency;
mod import;
mod long_work;
mod master_key;
mod moving;
mod nodes;
mod outages;
mod own_stores;
mod place;
mod plan_files;
mod power_cut;
mod program_faults;
mod programs;
mod promotion;
mod refusals;
mod schemas;
mod sdks;
