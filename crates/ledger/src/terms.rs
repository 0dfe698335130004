//! A currency's terms as the ledger needs them, and exact rounding.

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;

use crate::Error;

/// How a computed amount becomes whole units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Down.
    Floor,
    /// Up.
    Ceil,
    /// Half away from zero.
    HalfUp,
    /// Half to even.
    HalfEven,
}

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
    pub fn times(&self, at: Timestamp) -> Result<crate::posting::LotTimes, Error> {
        unimplemented!()
    }
}

/// `amount × rate`, exactly, then rounded to whole units.
pub fn points_for(amount: Decimal, rate: Decimal, rounding: Rounding) -> Result<i64, Error> {
    unimplemented!()
}
