//! Days, weeks, months and years of a zone, as whole numbers of days since 1970-01-01.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use program::kinds::{metric::Window, reactor::LimitWindow};

/// The day of a moment in a zone.
pub fn day_of(zone: &TimeZone, at: Timestamp) -> i32 {
    number(zone.to_datetime(at).date())
}

/// When a day begins in a zone. `None` outside the years −9999 to 9999.
pub fn start_of(zone: &TimeZone, day: i32) -> Option<Timestamp> {
    zone.to_zoned(date(day)?.at(0, 0, 0, 0)).ok().map(|begins| begins.timestamp())
}

/// The Monday on or before a day.
pub fn week_of(day: i32) -> i32 {
    // Day 0 was a Thursday.
    day - (day + 3).rem_euclid(7)
}

/// The first of a day's month.
pub fn month_of(day: i32) -> i32 {
    date(day).map_or(day, |date| number(date.first_of_month()))
}

/// The first of January of a day's year.
pub fn year_of(day: i32) -> i32 {
    date(day).map_or(day, |date| number(date.first_of_year()))
}

/// The code under which firings count a limit's window, and the window's first day. `None` for ever.
pub fn limit_window(window: LimitWindow, day: i32) -> Option<(u8, i32)> {
    match window {
        LimitWindow::Lifetime => None,
        LimitWindow::Day => Some((1, day)),
        LimitWindow::Week => Some((2, week_of(day))),
        LimitWindow::Month => Some((3, month_of(day))),
        LimitWindow::Year => Some((4, year_of(day))),
    }
}

/// All windows that limits can name, around a day.
pub fn limit_windows(day: i32) -> Vec<(u8, i32)> {
    [LimitWindow::Day, LimitWindow::Week, LimitWindow::Month, LimitWindow::Year]
        .into_iter()
        .filter_map(|window| limit_window(window, day))
        .collect()
}

/// The word for a limit's window.
pub const fn limit_word(window: LimitWindow) -> &'static str {
    match window {
        LimitWindow::Lifetime => "lifetime",
        LimitWindow::Day => "day",
        LimitWindow::Week => "week",
        LimitWindow::Month => "month",
        LimitWindow::Year => "year",
    }
}

/// The bucket in which a metric counts a day.
pub fn bucket(window: Window, day: i32) -> i32 {
    match window {
        Window::Lifetime => 0,
        Window::RollingDays(_) => day,
        Window::CalendarMonth => month_of(day),
        Window::CalendarYear => year_of(day),
    }
}

/// How many days back from the newest bucket a metric keeps buckets; 0 keeps all. Calendar windows keep the
/// one before too, for events that come late.
pub const fn keep_days(window: Window) -> u16 {
    match window {
        Window::Lifetime => 0,
        Window::RollingDays(days) => days,
        Window::CalendarMonth => 32,
        Window::CalendarYear => 367,
    }
}

/// The first and last bucket that a window reads as of a day.
pub fn reach(window: Window, day: i32) -> (i32, i32) {
    match window {
        Window::RollingDays(days) => (day.saturating_sub(i32::from(days)).saturating_add(1), day),
        Window::Lifetime | Window::CalendarMonth | Window::CalendarYear => {
            (bucket(window, day), bucket(window, day))
        }
    }
}

/// The first day on which what a window reads is no longer all of what it reads as of `day`, given the
/// oldest bucket it reads now.
pub fn rolls_on(window: Window, oldest: i32, day: i32) -> Option<i32> {
    match window {
        Window::Lifetime => None,
        Window::RollingDays(days) => oldest.checked_add(i32::from(days)),
        // 31 days after the first of a month lies in the next one, and 366 days after 1 January likewise.
        Window::CalendarMonth => month_of(day).checked_add(31).map(month_of),
        Window::CalendarYear => year_of(day).checked_add(366).map(year_of),
    }
}

fn number(date: Date) -> i32 {
    // Days from the civil date, counting years from March (Hinnant, "chrono-compatible low-level date
    // algorithms").
    let (year, month, day) = (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn date(day: i32) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(day.days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_numbered_from_1970() {
        for (text, expected) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11016),
            ("2000-03-01", 11017),
            ("1997-01-01", 9862),
        ] {
            let day: Date = text.parse().expect("a date");
            assert_eq!(number(day), expected, "{text}");
            assert_eq!(date(expected), Some(day), "{text}");
        }
    }

    #[test]
    fn windows_begin_where_people_expect() {
        let day = |text: &str| number(text.parse().expect("a date"));
        let wednesday = day("2024-02-28");
        assert_eq!(week_of(wednesday), day("2024-02-26"));
        assert_eq!(week_of(day("2024-02-26")), day("2024-02-26"));
        assert_eq!(week_of(day("1969-12-28")), day("1969-12-22"));
        assert_eq!(month_of(wednesday), day("2024-02-01"));
        assert_eq!(year_of(wednesday), day("2024-01-01"));
        assert_eq!(rolls_on(Window::CalendarMonth, 0, wednesday), Some(day("2024-03-01")));
        assert_eq!(rolls_on(Window::CalendarMonth, 0, day("2024-01-31")), Some(day("2024-02-01")));
        assert_eq!(rolls_on(Window::CalendarYear, 0, wednesday), Some(day("2025-01-01")));
        assert_eq!(rolls_on(Window::RollingDays(30), wednesday, wednesday), Some(day("2024-03-29")));
    }

    #[test]
    fn a_day_begins_at_the_zones_midnight_or_the_first_moment_after_it() {
        let zone = TimeZone::get("America/Sao_Paulo").expect("a bundled zone");
        // On 2018-11-04 clocks went from 00:00 to 01:00.
        let gap = number("2018-11-04".parse().expect("a date"));
        let begins = start_of(&zone, gap).expect("in range");
        assert_eq!(begins.to_string(), "2018-11-04T03:00:00Z");
        assert_eq!(day_of(&zone, begins), gap);
    }
}
