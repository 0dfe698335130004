//! One file a table or two that go together: how its rows are written, read and checked.

pub(crate) mod claimed;
pub(crate) mod configuration;
pub(crate) mod counters;
pub(crate) mod directory;
pub(crate) mod due;
pub(crate) mod erasures;
pub(crate) mod identity;
pub(crate) mod journal;
pub(crate) mod lives;
pub(crate) mod memberships;
pub(crate) mod outbox;
pub(crate) mod outside;
pub(crate) mod position;
pub(crate) mod profiles;
pub(crate) mod quarantine;
pub(crate) mod rehearsals;
pub(crate) mod search;
pub(crate) mod streams;
pub(crate) mod sums;

pub(crate) use store::encoding::page;
