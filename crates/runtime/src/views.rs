//! View rows from states: the same for live commits and for a rebuild.

use engine::Profile;
use store::ProfileRow;

/// A profile's row.
pub(crate) fn profile_row(profile: &Profile) -> ProfileRow {
    ProfileRow {
        id: profile.id,
        n: profile.n,
        tail: profile.tail,
        state: profile.encode().into(),
        manifest: profile.basis,
        due_at: profile.due_at,
    }
}
