//! A state's bytes: format byte 1, then postcard of a frozen shape.

use std::sync::Arc;

use ledger::ProfileId;
use serde::{Deserialize, Serialize};

use super::{Firings, MetricState, Profile, Standing};
use crate::record::{
    Undecodable,
    form::{Each, IdentityForm, ObservationForm, WalletForm, bad, micros, put, take, time},
};
use crate::{names, sorted::SortedMap};

const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
enum StandingForm {
    Anonymous,
    Known,
    MergedInto([u8; 16]),
    Erased,
}

#[derive(Deserialize)]
struct MetricForm<'a> {
    key: &'a str,
    fingerprint: [u8; 8],
    keep_days: u16,
    #[serde(borrow)]
    buckets: Vec<ObservationForm<'a>>,
}

#[derive(Deserialize)]
struct FiringsForm<'a> {
    reactor: &'a str,
    lifetime: u32,
    windows: Vec<(u8, i32, u32)>,
}

#[derive(Deserialize)]
struct StateForm<'a> {
    id: [u8; 16],
    n: u64,
    tail: [u8; 32],
    basis: [u8; 32],
    epoch: u64,
    decided_at: i64,
    latest: i64,
    created_at: i64,
    identified_at: Option<i64>,
    standing: StandingForm,
    #[serde(borrow)]
    identities: Vec<IdentityForm<'a>>,
    traits: Vec<(&'a str, &'a str)>,
    searchable: Vec<&'a str>,
    declared: Vec<[u8; 8]>,
    metrics: Vec<MetricForm<'a>>,
    audiences: Vec<(&'a str, i64)>,
    fired: Vec<FiringsForm<'a>>,
    wallets: Vec<WalletForm<'a>>,
    rolls_at: Option<i64>,
    due_at: Option<i64>,
}

/// Writes what [`StateForm`] reads, field by field as they lie: it is done for every profile of every batch.
pub(super) fn encode(profile: &Profile) -> Vec<u8> {
    let standing = match profile.standing {
        Standing::Anonymous => StandingForm::Anonymous,
        Standing::Known => StandingForm::Known,
        Standing::MergedInto(into) => StandingForm::MergedInto(into.0),
        Standing::Erased => StandingForm::Erased,
    };
    let head = (
        profile.id.0,
        profile.n,
        profile.tail,
        profile.basis,
        profile.epoch,
        micros(profile.decided_at),
        micros(profile.latest),
        micros(profile.created_at),
        profile.identified_at.map(micros),
        standing,
    );
    let person = (
        Each(|| profile.identities.iter().map(IdentityForm::from)),
        Each(|| profile.traits.iter().map(|(key, value)| (&**key, value.as_str()))),
        Each(|| profile.searchable.iter().map(|key| &**key)),
        Each(|| profile.declared.iter().map(|fingerprint| fingerprint.to_be_bytes())),
        Each(|| profile.metrics.iter().map(|(key, metric)| metric_form(key, metric))),
        Each(|| profile.audiences.iter().map(|(key, at)| (&**key, micros(*at)))),
        Each(|| profile.fired.iter().map(|(reactor, firings)| firings_form(reactor, firings))),
    );
    let wallets = WalletForm::of(&profile.wallets, profile.id);
    let due = (profile.rolls_at.map(micros), profile.due_at.map(micros));
    let mut start = Vec::with_capacity(1024);
    start.push(FORMAT);
    put(start, &(head, person, wallets, due))
}

/// As [`MetricForm`].
fn metric_form<'a>(key: &'a str, metric: &'a MetricState) -> impl Serialize + 'a {
    let buckets = move || metric.buckets.iter().map(|(day, value)| ObservationForm::of(*day, value));
    (key, metric.fingerprint.to_be_bytes(), metric.keep_days, Each(buckets))
}

/// As [`FiringsForm`].
fn firings_form<'a>(reactor: &'a str, firings: &'a Firings) -> impl Serialize + 'a {
    let windows = move || firings.windows.iter().map(|((kind, day), count)| (*kind, *day, *count));
    (reactor, firings.lifetime, Each(windows))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Profile, Undecodable> {
    let form: StateForm<'_> = match bytes.split_first() {
        Some((&FORMAT, rest)) => take(rest)?,
        Some((other, _)) => return Err(Undecodable(format!("state format {other} is not known"))),
        None => return Err(bad("the state is empty")),
    };
    let id = ProfileId(form.id);
    let mut profile = Profile {
        n: form.n,
        tail: form.tail,
        basis: form.basis,
        epoch: form.epoch,
        decided_at: time(form.decided_at)?,
        latest: time(form.latest)?,
        created_at: time(form.created_at)?,
        identified_at: form.identified_at.map(time).transpose()?,
        standing: match form.standing {
            StandingForm::Anonymous => Standing::Anonymous,
            StandingForm::Known => Standing::Known,
            StandingForm::MergedInto(into) => Standing::MergedInto(ProfileId(into)),
            StandingForm::Erased => Standing::Erased,
        },
        identities: Arc::new(form.identities.into_iter().map(Into::into).collect()),
        traits: Arc::new(
            form.traits.into_iter().map(|(key, value)| (names::shared(key), value.into())).collect(),
        ),
        searchable: Arc::new(form.searchable.into_iter().map(names::shared).collect()),
        declared: Arc::new(form.declared.into_iter().map(u64::from_be_bytes).collect()),
        wallets: Arc::new(WalletForm::read(form.wallets, id)?),
        rolls_at: form.rolls_at.map(time).transpose()?,
        due_at: form.due_at.map(time).transpose()?,
        ..Profile::new(id)
    };
    let mut metrics = Vec::with_capacity(form.metrics.len());
    for metric in form.metrics {
        let mut state = MetricState {
            fingerprint: u64::from_be_bytes(metric.fingerprint),
            keep_days: metric.keep_days,
            buckets: SortedMap::default(),
        };
        for bucket in metric.buckets {
            let bucket = bucket.read()?;
            state.buckets.insert(bucket.day, bucket.value);
        }
        metrics.push((names::shared(metric.key), Arc::new(state)));
    }
    profile.metrics = Arc::new(metrics.into_iter().collect());
    let since = |(key, at): (&str, i64)| Ok((names::shared(key), time(at)?));
    profile.audiences = Arc::new(form.audiences.into_iter().map(since).collect::<Result<_, Undecodable>>()?);
    let fired = form.fired.into_iter().map(|firings| {
        let windows = firings.windows.into_iter().map(|(kind, day, count)| ((kind, day), count)).collect();
        (names::shared(firings.reactor), Firings { lifetime: firings.lifetime, windows })
    });
    profile.fired = Arc::new(fired.collect());
    Ok(profile)
}
