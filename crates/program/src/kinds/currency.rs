//! A points currency.

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
    /// The end of that day (the default).
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
    /// N days after it was awarded, at the end of that day, month or year in the settings' time zone.
    AfterDays {
        /// N, 1 to 36,500.
        days: u32,
        /// Moved to the end of what.
        end_of: ExpiryEnd,
    },
}

/// `currency/KEY`; balances are read in expressions as `profile.balances.KEY`.
#[derive(Clone, Debug)]
pub struct Currency {
    /// For people.
    pub name: String,
    /// Digits after the point in what people see; the ledger counts the smallest unit. 0 to 6.
    pub decimals: u8,
    /// Days between award and spendable; 0 for at once.
    pub pending_days: u32,
    /// When a lot ends.
    pub expiry: Expiry,
    /// The rounding of computed amounts where an action does not say.
    pub rounding: Rounding,
    /// Whether a deduction may take the balance below zero.
    pub allow_negative: bool,
    /// For people.
    pub description: Option<String>,
}
