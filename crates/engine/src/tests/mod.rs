//! Tests of the engine as a whole. Every story also checks, at every step, that recording, reading back and
//! evolving comes to the state which deciding had worked on.

mod admission;
mod corpus;
mod likeness;
mod payloads;
mod people;
mod properties;
mod reactors;
mod records;
mod resolving;
mod stories;
mod time;
mod upgrades;
mod world;
