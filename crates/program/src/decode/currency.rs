//! `currency/KEY`.

use super::{Reader, View};
use crate::{
    document::tree::Tree,
    kinds::currency::{Currency, Expiry, ExpiryEnd, Rounding},
};

pub(crate) const FIELDS: &[&str] =
    &["description", "name", "decimals", "pending_days", "expiry", "rounding", "allow_negative"];

/// The words for rounding.
pub(crate) const ROUNDING: &[(&str, Rounding)] = &[
    ("floor", Rounding::Floor),
    ("ceil", Rounding::Ceil),
    ("half_up", Rounding::HalfUp),
    ("half_even", Rounding::HalfEven),
];
/// The words for where an expiry date is moved to.
pub(crate) const ENDS: &[(&str, ExpiryEnd)] =
    &[("day", ExpiryEnd::Day), ("month", ExpiryEnd::Month), ("year", ExpiryEnd::Year)];
/// A hundred years.
const DAYS_MAX: u32 = 36_500;

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>) -> Option<Currency> {
    let fields = spec.fields(reader, "a currency", FIELDS)?;
    let name = fields.read("name", |view| view.short_text(reader, 100));
    let decimals = fields.or("decimals", 0, |view| view.int(reader, 0..=6u8));
    let pending_days = fields.or("pending_days", 0, |view| view.int(reader, 0..=DAYS_MAX));
    let expiry = fields.or("expiry", Expiry::Never, |view| expiry(reader, view));
    let rounding = fields.or("rounding", Rounding::Floor, |view| view.word(reader, ROUNDING));
    let allow_negative = fields.or("allow_negative", false, |view| view.boolean(reader));
    let description = fields.description();
    fields.all_known()?;
    Some(Currency {
        name: name?.to_owned(),
        decimals: decimals?,
        pending_days: pending_days?,
        expiry: expiry?,
        rounding: rounding?,
        allow_negative: allow_negative?,
        description: description?,
    })
}

fn expiry(reader: &Reader<'_>, view: &View<'_>) -> Option<Expiry> {
    if let Tree::String(text) = &view.node.tree {
        if &*text.value == "never" {
            return Some(Expiry::Never);
        }
        let message = format!("`{}` is not an expiry", text.value);
        let help = "Write `never`, or `{after_days: 365, end_of: month}`.";
        reader.fault(view, "unknown_word", message, help);
        return None;
    }
    let fields = view.fields(reader, "an expiry", &["after_days", "end_of"])?;
    let days = fields.read("after_days", |view| view.int(reader, 1..=DAYS_MAX));
    let end_of = fields.or("end_of", ExpiryEnd::Day, |view| view.word(reader, ENDS));
    fields.all_known()?;
    Some(Expiry::AfterDays { days: days?, end_of: end_of? })
}
