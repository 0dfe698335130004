//! evolve: the only way a profile's state changes.

use crate::{Profile, record::Recorded};

/// Applies a recorded decision. Total: what a record says is done, whatever the rules are now. A record
/// whose body has been erased applies its header alone (the ledger).
pub fn evolve(profile: &mut Profile, recorded: &Recorded) {
    unimplemented!()
}
