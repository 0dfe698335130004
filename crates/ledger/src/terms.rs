//! A currency's terms as the ledger needs them.

use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};

use crate::{Error, LotTimes, micros};

/// Where an expiry date is moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryEnd {
    /// The end of that day.
    Day,
    /// The end of that month.
    Month,
    /// The end of that year.
    Year,
}

/// When a lot ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// This many days after the award, at the end of that day, month or year.
    AfterDays(u32, ExpiryEnd),
}

/// A currency's terms.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Days between award and spendable.
    pub pending_days: u32,
    /// When a lot ends.
    pub expiry: Expiry,
    /// Whether a deduction may go below zero.
    pub allow_negative: bool,
    /// The zone of days, months and years.
    pub zone: TimeZone,
}

impl Terms {
    /// When a lot awarded at `at` becomes spendable (`None`: at once) and ends (`None`: never).
    ///
    /// Points mature at the same time of day, `pending_days` later in the zone. The end of a day, month or
    /// year is the first instant of the next one; it counts from the award, whether or not it is pending.
    pub fn times(&self, at: Timestamp) -> Result<LotTimes, Error> {
        let at = micros::floor(at);
        let local = at.to_zoned(self.zone.clone());
        let matures_at = match self.pending_days {
            0 => None,
            days => Some(later(&local, days)?.timestamp()),
        };
        let expires_at = match self.expiry {
            Expiry::Never => None,
            Expiry::AfterDays(days, end) => {
                Some(self.first_instant(after(later(&local, days)?.date(), end)?)?)
            }
        };
        Ok(LotTimes { awarded_at: at, matures_at, expires_at })
    }

    fn first_instant(&self, date: Date) -> Result<Timestamp, Error> {
        let day = date.to_zoned(self.zone.clone()).and_then(|noon| noon.start_of_day());
        day.map(|start| start.timestamp()).map_err(|_| Error::Date(format!("the beginning of {date}")))
    }
}

/// The same time of day, some days later.
fn later(local: &Zoned, days: u32) -> Result<Zoned, Error> {
    let too_far = || Error::Date(format!("{days} days after {}", local.date()));
    let span = 0.days().try_days(i64::from(days)).map_err(|_| too_far())?;
    local.checked_add(span).map_err(|_| too_far())
}

/// The first day after the day, month or year that `date` lies in.
fn after(date: Date, end: ExpiryEnd) -> Result<Date, Error> {
    let next = match end {
        ExpiryEnd::Day => date.tomorrow(),
        ExpiryEnd::Month => date.last_of_month().tomorrow(),
        ExpiryEnd::Year => date.last_of_year().tomorrow(),
    };
    next.map_err(|_| Error::Date(format!("the day after {date}")))
}
