//! Compares what came of a case with what was expected: only what is named.

use engine::Profile;
use ledger::{CurrencyKey, PostingGroup};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::{
    Failure,
    case::{Expectation, Expected, Going, Posting},
    world::{Happened, World},
};
use crate::output::{text::visible, trace};

/// A member's last events are shown with a failure; no more than this.
const TRACED_MAX: usize = 5;

/// Checks one expectation.
pub(super) fn check(world: &World, expectation: &Expectation) -> Option<Failure> {
    let (what, member, expected, got) = match &expectation.what {
        Expected::Balance(member, currency, available, pending) => {
            let wallet = world
                .member(member)
                .map(|profile| profile.wallets.wallet(&CurrencyKey::from(currency.as_str())).clone())
                .unwrap_or_default();
            let both = (available.map(|_| wallet.available()), pending.map(|_| wallet.pending()));
            (both != (*available, *pending)).then(|| {
                let what = format!("balances/{member}/{currency}");
                let told = |available, pending| balance(world, currency, available, pending);
                (what, Some(member), told(*available, *pending), told(both.0, both.1))
            })?
        }
        Expected::Postings(member, expected) => {
            let got: Vec<&PostingGroup> =
                happened(world, member).flat_map(|it| &it.decision.groups).collect();
            let same = got.len() == expected.len()
                && got.iter().zip(expected).all(|(group, posting)| fits(group, posting));
            (!same).then(|| {
                let expected = lines(expected.iter().map(|posting| posting_text(world, posting)));
                let got = lines(got.into_iter().map(|group| group_text(world, group)));
                (format!("postings/{member}"), Some(member), expected, got)
            })?
        }
        Expected::Audiences(member, expected) => {
            let got: Vec<String> = world
                .member(member)
                .map(|profile| profile.audiences.keys().map(ToString::to_string).collect())
                .unwrap_or_default();
            (got != *expected).then(|| {
                (format!("audiences/{member}"), Some(member), lines(expected.iter().cloned()), lines(got))
            })?
        }
        Expected::Trait(member, key, expected) => {
            let got = world.member(member).and_then(|profile| trait_of(profile, key)).unwrap_or(Json::Null);
            (!same(expected, &got)).then(|| {
                (format!("traits/{member}/{key}"), Some(member), expected.to_string(), got.to_string())
            })?
        }
        Expected::Metric(member, key, expected) => {
            let got =
                world.member(member).and_then(|profile| metric_of(world, profile, key)).unwrap_or(Json::Null);
            (!same(expected, &got)).then(|| {
                (format!("metrics/{member}/{key}"), Some(member), expected.to_string(), got.to_string())
            })?
        }
        Expected::Outbox(member, expected) => {
            let got: Vec<(&str, &str, &str)> = happened(world, member).flat_map(Happened::outbox).collect();
            let same =
                got.len() == expected.len() && got.iter().zip(expected).all(|(got, going)| goes(got, going));
            (!same).then(|| {
                let got = got
                    .into_iter()
                    .map(|(channel, reactor, payload)| format!("{channel} by {reactor}: {payload}"));
                (format!("outbox/{member}"), Some(member), lines(expected.iter().map(going_text)), lines(got))
            })?
        }
        Expected::Quarantined(expected) => {
            let same = world.quarantined.len() == expected.len()
                && world.quarantined.iter().zip(expected).all(|((id, why), (wanted, code))| {
                    id == wanted && code.as_ref().is_none_or(|code| why.split(':').next() == Some(code))
                });
            (!same).then(|| {
                let expected = expected.iter().map(|(id, code)| match code {
                    Some(code) => format!("{id} ({code})"),
                    None => id.clone(),
                });
                let got = world.quarantined.iter().map(|(id, why)| format!("{id} ({why})"));
                ("quarantined".to_owned(), None, lines(expected), lines(got))
            })?
        }
        Expected::Duplicates(expected) => (world.duplicates != *expected).then(|| {
            let got = lines(world.duplicates.iter().cloned());
            ("duplicates".to_owned(), None, lines(expected.iter().cloned()), got)
        })?,
        Expected::Refused(expected) => (world.refused.len() != *expected).then(|| {
            ("refused".to_owned(), None, format!("{expected} orders"), lines(world.refused.iter().cloned()))
        })?,
    };
    let mut trace = member.map(|member| traces(world, member)).unwrap_or_default();
    if member.is_some() {
        trace.extend(world.quarantined.iter().map(|(id, why)| format!("{id} is in quarantine: {why}")));
        trace.extend(world.refused.iter().map(|why| format!("refused: {why}")));
    }
    let trace = trace.iter().map(|line| visible(line)).collect();
    Some(Failure { at: expectation.at.clone(), what, expected, got: visible(&got), trace })
}

/// What happened to a member, those merged into it included, in order.
fn happened<'w>(world: &'w World, member: &str) -> impl Iterator<Item = &'w Happened> {
    let streams = world.member(member).map(|profile| world.streams(profile.id)).unwrap_or_default();
    world.history.iter().filter(move |it| streams.contains(&it.profile))
}

fn traces(world: &World, member: &str) -> Vec<String> {
    let all: Vec<&Happened> = happened(world, member).collect();
    if all.is_empty() {
        return vec![format!("nothing ever happened to `{member}`")];
    }
    let mut found = Vec::new();
    let skipped = all.len().saturating_sub(TRACED_MAX);
    if skipped > 0 {
        found.push(format!("… {skipped} before"));
    }
    for it in all.into_iter().skip(skipped) {
        found.push(format!("{} at {}", it.what, it.at));
        let value = serde_json::to_value(&it.trace).unwrap_or_default();
        found.extend(trace::lines(&value).into_iter().map(|line| format!("  {line}")));
    }
    found
}

fn lines(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    if items.is_empty() { "nothing".into() } else { items.join("; ") }
}

/// So many smallest units, as cases are written, and beside it what people read where that is something else: `840 (8.40)`.
fn units(world: &World, currency: &str, units: i64) -> String {
    match world.rules.program.currencies.get(currency) {
        Some(declared) if declared.decimals > 0 => format!("{units} ({})", declared.amount(units)),
        _ => units.to_string(),
    }
}

fn balance(world: &World, currency: &str, available: Option<i64>, pending: Option<i64>) -> String {
    let units = |amount| units(world, currency, amount);
    match (available, pending) {
        (Some(available), Some(pending)) => {
            format!("{} available, {} pending", units(available), units(pending))
        }
        (Some(available), None) => units(available),
        (None, pending) => format!("{} pending", units(pending.unwrap_or(0))),
    }
}

fn fits(group: &PostingGroup, posting: &Posting) -> bool {
    let is = |expected: &Option<String>, got: Option<&str>| expected.is_none() || expected.as_deref() == got;
    is(&posting.currency, Some(&group.currency.0))
        && is(&posting.reason, Some(group.reason.as_str()))
        && is(&posting.reactor, group.reactor.as_deref())
        && posting.amount.is_none_or(|amount| amount == group.net())
}

fn group_text(world: &World, group: &PostingGroup) -> String {
    let by = group.reactor.as_deref().map(|reactor| format!(" by {reactor}")).unwrap_or_default();
    format!("{} {} {}{by}", group.reason, units(world, &group.currency.0, group.net()), group.currency)
}

fn posting_text(world: &World, posting: &Posting) -> String {
    let any = |text: &Option<String>| text.clone().unwrap_or_else(|| "*".into());
    let currency = posting.currency.as_deref().unwrap_or_default();
    let amount = posting.amount.map_or_else(|| "*".into(), |amount| units(world, currency, amount));
    let by = posting.reactor.as_ref().map(|reactor| format!(" by {reactor}")).unwrap_or_default();
    format!("{} {amount} {}{by}", any(&posting.reason), any(&posting.currency))
}

fn goes(got: &(&str, &str, &str), going: &Going) -> bool {
    let (channel, reactor, payload) = got;
    let is = |expected: &Option<String>, got: &str| expected.is_none() || expected.as_deref() == Some(got);
    is(&going.channel, channel)
        && is(&going.reactor, reactor)
        && going.payload.as_ref().is_none_or(|expected| {
            serde_json::from_str(payload).is_ok_and(|payload: Json| contains(&payload, expected))
        })
}

fn going_text(going: &Going) -> String {
    let any = |text: &Option<String>| text.clone().unwrap_or_else(|| "*".into());
    let payload = going.payload.as_ref().map(|payload| format!(": {payload}")).unwrap_or_default();
    format!("{} by {}{payload}", any(&going.channel), any(&going.reactor))
}

fn trait_of(profile: &Profile, key: &str) -> Option<Json> {
    serde_json::from_str(profile.traits.get(key)?).ok()
}

fn metric_of(world: &World, profile: &Profile, key: &str) -> Option<Json> {
    let values = engine::view::metric_values(&world.rules, profile, world.now);
    values.into_iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value.to_json())
}

/// Equality of JSON where numbers are what they are worth: 1.10 is 1.1.
fn same(expected: &Json, got: &Json) -> bool {
    match (expected, got) {
        (Json::Number(a), Json::Number(b)) => {
            let exact = |number: &serde_json::Number| {
                let text = number.to_string();
                Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
            };
            a == b || exact(a).is_some_and(|a| exact(b) == Some(a))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Whether everything named is there: fields of objects may be left out.
fn contains(got: &Json, expected: &Json) -> bool {
    match (got, expected) {
        (Json::Object(got), Json::Object(expected)) => {
            expected.iter().all(|(name, expected)| got.get(name).is_some_and(|got| contains(got, expected)))
        }
        (got, expected) => same(expected, got),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_what_they_are_worth() {
        for (a, b, expected) in [
            ("1.10", "1.1", true),
            ("500", "500.0", true),
            ("0.1", "0.10000001", false),
            ("[1.0, {\"a\": 2}]", "[1, {\"a\": 2.0}]", true),
            ("\"1\"", "1", false),
        ] {
            let read = |text| serde_json::from_str::<Json>(text).expect("JSON");
            assert_eq!(same(&read(a), &read(b)), expected, "{a} {b}");
        }
        assert!(contains(&json!({"a": {"b": 1, "c": 2}}), &json!({"a": {"b": 1}})));
        assert!(!contains(&json!({"a": {}}), &json!({"a": {"b": 1}})));
    }
}
