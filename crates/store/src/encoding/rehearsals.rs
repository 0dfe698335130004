//! Checksums of rehearsals' reports: of what lists show, of the report, and of what it says of each member.

use super::{Sum, micros};
use crate::{AboutMember, RehearsalRow};

/// Of what a list shows.
pub fn row_sum(row: &RehearsalRow) -> i64 {
    Sum::of("rehearsal")
        .text(&row.id)
        .int(micros(row.at))
        .text(&row.actor_id)
        .text(&row.actor)
        .text(&row.digest)
        .opt_bytes(row.current.as_ref().map(<[u8; 32]>::as_slice))
        .bytes(&row.candidate)
        .opt_int(row.since.map(micros))
        .opt_int(row.until.map(micros))
        .int(i64::from(row.trusted))
        .end()
}

/// Of the report itself.
pub fn report_sum(id: &str, report: &str) -> i64 {
    Sum::of("rehearsal_report").text(id).text(report).end()
}

/// Of what report `no` says of a member in this place.
pub fn about_sum(no: i64, place: i64, member: &AboutMember) -> i64 {
    Sum::of("rehearsal_member").int(no).int(place).bytes(&member.profile.0).text(&member.about).end()
}
