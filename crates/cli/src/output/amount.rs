//! Amounts of a currency as people read and write them.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use program::kinds::currency;
use serde_json::Value;

use super::text::count;
use crate::client::{Client, Refusal, routes};

/// How many digits each currency of an environment has after the point. The API counts in smallest units; only
/// here does the point come in.
#[derive(Debug, Default)]
pub(crate) struct Amounts(Option<BTreeMap<String, u8>>);

impl Amounts {
    /// As the environment's program says now. A key that may not read it sees amounts in smallest units, and
    /// is told so.
    pub(crate) fn of(client: &Client, environment: &str) -> Result<Self> {
        let path = format!("{}/objects?kind=currency", routes::environment(environment));
        match client.list(&path, usize::MAX) {
            Err(error) if error.downcast_ref::<Refusal>().is_some_and(|it| it.status == 403) => {
                Ok(Self(None))
            }
            list => Ok(Self(Some(digits(&list?)))),
        }
    }

    /// As a rehearsal's report says of the currencies in it: some may be only the candidate's.
    pub(crate) fn with_those_of(mut self, report: &Value) -> Self {
        let currencies = report.get("currencies").and_then(Value::as_object).into_iter().flatten();
        for (currency, figures) in currencies {
            let decimals = figures.get("decimals").and_then(Value::as_u64);
            if let Some(decimals) = decimals.and_then(|decimals| u8::try_from(decimals).ok()) {
                self.0.get_or_insert_default().insert(currency.clone(), decimals);
            }
        }
        self
    }

    fn digits(&self, currency: &str) -> u8 {
        self.0.as_ref().and_then(|known| known.get(currency)).copied().unwrap_or(0)
    }

    /// The number alone: `1,008.40`.
    pub(crate) fn number(&self, currency: &str, units: i64) -> String {
        let text = currency::amount(i128::from(units), self.digits(currency));
        let (whole, part) = text.split_once('.').map_or((&*text, None), |(whole, part)| (whole, Some(part)));
        // The sign is put before, or it is lost where the whole part is 0.
        let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
        let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
        part.map_or_else(|| format!("{sign}{whole}"), |part| format!("{sign}{whole}.{part}"))
    }

    /// The number at a JSON pointer; what is no number as it is.
    pub(crate) fn at(&self, currency: &str, value: &Value, pointer: &str) -> String {
        let units = value.pointer(pointer).and_then(Value::as_i64);
        units.map_or_else(|| super::text::at(value, pointer), |units| self.number(currency, units))
    }

    /// With a `+` where it is more.
    pub(crate) fn signed(&self, currency: &str, units: i64) -> String {
        let sign = if units > 0 { "+" } else { "" };
        format!("{sign}{}", self.number(currency, units))
    }

    /// What the numbers are of: the currency, and that they are smallest units where it is not known how many
    /// make a whole one.
    pub(crate) fn named(&self, currency: &str) -> String {
        let currency = super::text::visible(currency);
        if self.0.is_some() { currency } else { format!("{currency} (smallest units)") }
    }

    /// Whether it is written like an amount.
    pub(crate) fn is_amount(text: &str) -> bool {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    }

    /// An amount that a person wrote, in smallest units.
    pub(crate) fn read(&self, currency: &str, text: &str) -> Result<i64> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if !Self::is_amount(text) {
            bail!("`{text}` is not an amount; write it like 50 or 8.40");
        }
        if self.0.is_none() {
            bail!(
                "this key may not read how many digits `{currency}` has after the point; use one with `read`"
            );
        }
        let width = usize::from(self.digits(currency));
        if part.len() > width {
            bail!("`{text}` has more digits after the point than `{currency}`, which has {width}");
        }
        let units = format!("{whole}{part:0<width$}");
        units.parse().map_err(|_| anyhow!("`{text}` is more than a ledger can hold"))
    }
}

fn digits(list: &Value) -> BTreeMap<String, u8> {
    let rows = list.get("data").and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| {
        let key = row.get("address")?.as_str()?.strip_prefix("currency/")?.to_owned();
        let decimals = row.pointer("/spec/decimals").and_then(Value::as_u64).unwrap_or(0);
        Some((key, u8::try_from(decimals).unwrap_or(0)))
    })
    .collect()
}

#[cfg(test)]
pub(crate) fn with(currency: &str, decimals: u8) -> Amounts {
    Amounts(Some([(currency.to_owned(), decimals)].into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        let coins = with("coins", 2);
        for (units, text) in [(840, "8.40"), (-5, "-0.05"), (123_456_789, "1,234,567.89"), (0, "0.00")] {
            assert_eq!(coins.number("coins", units), text);
        }
        assert_eq!((coins.signed("coins", 840), coins.signed("coins", -5)), ("+8.40".into(), "-0.05".into()));
        assert_eq!(coins.number("points", -1_500), "-1,500", "one without digits after the point");
        for (text, units) in [("8.40", 840), ("8.4", 840), ("8", 800), ("0.05", 5)] {
            assert_eq!(coins.read("coins", text).ok(), Some(units), "{text}");
        }
        for wrong in ["8.401", "", ".5", "8.", "-1", "1e3", "99999999999999999999", "8,40"] {
            assert!(coins.read("coins", wrong).is_err(), "{wrong}");
        }
        assert!(coins.read("points", "1.5").is_err(), "points have no digits after the point");
        let unknown = Amounts::default();
        assert_eq!(
            (unknown.number("coins", 840), unknown.named("coins")),
            ("840".into(), "coins (smallest units)".into())
        );
        assert!(unknown.read("coins", "8").is_err(), "8 whole ones, or 0.08?");
    }

    #[test]
    fn a_report_knows_the_digits_of_what_only_the_candidate_has() {
        let report = serde_json::json!({"currencies": {"stars": {"decimals": 1}, "old": {}}});
        for (amounts, coins) in [(with("coins", 2), "0.05"), (Amounts::default(), "5")] {
            let amounts = amounts.with_those_of(&report);
            assert_eq!(
                (amounts.number("stars", 5), amounts.number("coins", 5)),
                ("0.5".into(), coins.into())
            );
            assert_eq!(amounts.read("stars", "0.5").ok(), Some(5));
        }
    }

    #[test]
    fn digits_come_from_the_program() {
        let list = serde_json::json!({"data": [
            {"address": "currency/coins", "spec": {"name": "Coins", "decimals": 2}},
            {"address": "currency/points", "spec": {"name": "Points"}},
        ]});
        assert_eq!(digits(&list), BTreeMap::from([("coins".to_owned(), 2), ("points".to_owned(), 0)]));
    }
}
