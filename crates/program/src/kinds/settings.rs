//! Program-wide policy.

use jiff::tz::TimeZone;

use super::event_type::OnUnknown;

/// `settings/program`. Without one, all defaults hold.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone in which days, months and years begin and end. IANA name; `UTC` by default.
    pub time_zone: TimeZone,
    /// Its name as written.
    pub time_zone_name: String,
    /// What to do with an event that no event type declares. By default `quarantine` in a test
    /// environment, `accept` in live.
    pub unknown_events: Option<OnUnknown>,
    /// What to do with a trait that is not declared. `accept` by default.
    pub unknown_traits: OnUnknown,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time_zone: TimeZone::UTC,
            time_zone_name: "UTC".into(),
            unknown_events: None,
            unknown_traits: OnUnknown::Accept,
        }
    }
}
