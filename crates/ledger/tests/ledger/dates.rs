//! When points become spendable, and when they end.

use jiff::{Timestamp, tz::TimeZone};
use ledger::{Error, Expiry, ExpiryEnd, Terms};

fn check(zone: &str, award: &str, pending_days: u32, expiry: Expiry, matures: &str, expires: &str) {
    let zone_of_terms = TimeZone::get(zone).expect("a zone of the built-in data");
    let terms = Terms { pending_days, expiry, allow_negative: false, zone: zone_of_terms };
    let times = terms.times(award.parse().expect("a time")).expect("dates in range");
    let text = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.to_string());
    let case = format!("{award} in {zone}, pending {pending_days}, {expiry:?}");
    assert_eq!(
        (text(times.matures_at), text(times.expires_at)),
        (matures.to_owned(), expires.to_owned()),
        "{case}"
    );
}

#[test]
fn ends_are_the_first_instant_after_the_day_month_or_year() {
    use ExpiryEnd::{Day, Month, Year};
    let after = Expiry::AfterDays;
    let table = [
        ("UTC", "2001-01-01T12:00:00Z", 0, Expiry::Never, "-", "-"),
        ("UTC", "2001-01-01T12:00:00Z", 0, after(1, Day), "-", "2001-01-03T00:00:00Z"),
        ("UTC", "2001-01-01T00:00:00Z", 0, after(30, Month), "-", "2001-02-01T00:00:00Z"),
        ("UTC", "2001-01-02T00:00:00Z", 0, after(30, Month), "-", "2001-03-01T00:00:00Z"),
        ("UTC", "2001-12-31T23:59:59Z", 0, after(365, Year), "-", "2003-01-01T00:00:00Z"),
        ("UTC", "2000-02-28T08:00:00Z", 1, after(1, Day), "2000-02-29T08:00:00Z", "2000-03-01T00:00:00Z"),
        // It is already the 2nd in Berlin.
        ("Europe/Berlin", "2001-01-01T23:30:00Z", 0, after(1, Day), "-", "2001-01-03T23:00:00Z"),
        // Across the beginning of summer time: the same time of day, one hour less.
        (
            "Europe/Berlin",
            "2001-03-24T12:00:00Z",
            7,
            after(7, Day),
            "2001-03-31T11:00:00Z",
            "2001-03-31T22:00:00Z",
        ),
        // A day that has no midnight begins at one.
        ("America/Sao_Paulo", "2018-11-02T12:00:00Z", 0, after(1, Day), "-", "2018-11-04T03:00:00Z"),
        // Finer than a microsecond is cut off.
        ("UTC", "2001-01-01T00:00:00.123456789Z", 1, Expiry::Never, "2001-01-02T00:00:00.123456Z", "-"),
    ];
    for (zone, award, pending_days, expiry, matures, expires) in table {
        check(zone, award, pending_days, expiry, matures, expires);
    }
}

#[test]
fn dates_beyond_the_calendar_are_refused() {
    let at = "2001-01-01T00:00:00Z".parse().expect("a time");
    for days in [3_000_000, u32::MAX] {
        let pending =
            Terms { pending_days: days, expiry: Expiry::Never, allow_negative: false, zone: TimeZone::UTC };
        assert!(matches!(pending.times(at), Err(Error::Date(_))), "{days}");
        let expiry = Expiry::AfterDays(days, ExpiryEnd::Year);
        let ending = Terms { pending_days: 0, expiry, ..pending };
        assert!(matches!(ending.times(at), Err(Error::Date(_))), "{days}");
    }
    let expiry = Expiry::AfterDays(1, ExpiryEnd::Year);
    let last = Terms { pending_days: 0, expiry, allow_negative: false, zone: TimeZone::UTC };
    let at = "9999-06-01T00:00:00Z".parse().expect("a time");
    assert!(matches!(last.times(at), Err(Error::Date(_))));
}
