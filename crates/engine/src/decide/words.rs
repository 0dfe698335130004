//! Amounts in what people read of a decision: written with the digits of their currency.

use crate::Rules;

/// The number alone: `8.40`.
pub(super) fn number(rules: &Rules, currency: &str, units: i64) -> String {
    let declared = rules.program.currencies.get(currency);
    declared.map_or_else(|| units.to_string(), |declared| declared.amount(units))
}

/// With its currency: `8.40 coins`.
pub(super) fn amount(rules: &Rules, currency: &str, units: i64) -> String {
    format!("{} {currency}", number(rules, currency, units))
}
