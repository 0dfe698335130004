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

impl Currency {
    /// An amount of it as people write it.
    pub fn amount(&self, units: i64) -> String {
        amount(i128::from(units), self.decimals)
    }
}

/// So many of a currency's smallest unit as people write them, with `decimals` digits after the point.
pub fn amount(units: i128, decimals: u8) -> String {
    if decimals == 0 {
        return units.to_string();
    }
    let width = usize::from(decimals);
    let digits = format!("{:0>least$}", units.unsigned_abs(), least = width + 1);
    let (whole, part) = digits.split_at(digits.len() - width);
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{whole}.{part}")
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn amounts_as_people_write_them() {
        for (units, decimals, expected) in [
            (840, 0, "840"),
            (840, 2, "8.40"),
            (-5, 2, "-0.05"),
            (0, 3, "0.000"),
            (-1_000_000, 6, "-1.000000"),
            (i128::from(i64::MIN), 2, "-92233720368547758.08"),
        ] {
            assert_eq!(amount(units, decimals), expected, "{units} with {decimals} digits");
        }
    }
}
