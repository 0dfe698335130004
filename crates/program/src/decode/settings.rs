//! `settings/program`.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Reader, View, suggest};
use crate::kinds::{event_type::OnUnknown, settings::Settings};

pub(crate) const FIELDS: &[&str] = &["time_zone", "unknown_events", "unknown_traits"];

/// The words for what to do with something undeclared.
pub(crate) const ON_UNKNOWN: &[(&str, OnUnknown)] =
    &[("accept", OnUnknown::Accept), ("warn", OnUnknown::Warn), ("quarantine", OnUnknown::Quarantine)];

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>) -> Option<Settings> {
    let fields = spec.fields(reader, "settings", FIELDS)?;
    let zone = fields.or("time_zone", ("UTC".to_owned(), TimeZone::UTC), |view| time_zone(reader, view));
    let unknown_events = fields.optional("unknown_events", |view| view.word(reader, ON_UNKNOWN));
    let unknown_traits = fields.or("unknown_traits", OnUnknown::Accept, |view| view.word(reader, ON_UNKNOWN));
    fields.all_known()?;
    let (time_zone_name, time_zone) = zone?;
    Some(Settings {
        time_zone,
        time_zone_name,
        unknown_events: unknown_events?,
        unknown_traits: unknown_traits?,
    })
}

/// From the zones that are built in, so that every machine knows the same ones.
fn time_zone(reader: &Reader<'_>, view: &View<'_>) -> Option<(String, TimeZone)> {
    let text = view.text(reader)?;
    let zones = TimeZoneDatabase::bundled();
    if let Ok(zone) = zones.get(text) {
        let name = zone.iana_name().unwrap_or(text).to_owned();
        let zone = if name == "UTC" { TimeZone::UTC } else { zone };
        return Some((name, zone));
    }
    let names: Vec<String> = zones.available().map(|name| name.as_str().to_owned()).collect();
    let help = match suggest::did_you_mean(text, names.iter().map(String::as_str)) {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => "Write an IANA name such as `Europe/Berlin`.".into(),
    };
    reader.fault(view, "unknown_word", format!("`{text}` is not a time zone"), help);
    None
}
