//! What happens to members when a plan is applied.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Op, PlanInput, scope::Settled};
use crate::{Address, Kind};

/// What applying sets going in the background.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effects {
    /// Audiences whose members are computed again.
    pub audiences: Vec<AudienceEffect>,
    /// Metrics that are counted anew.
    pub metrics: Vec<MetricEffect>,
    /// Whether reactors run for members whom the changes themselves move. By default they do not.
    pub audience_reactors_run: bool,
}

/// An audience whose members are computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceEffect {
    /// Which.
    pub address: Address,
    /// The changed objects that its condition rests on; itself, if it changed.
    pub because: BTreeSet<Address>,
    /// How many it has now, if that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// How many would enter, if that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enter: Option<u64>,
    /// How many would leave, if that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave: Option<u64>,
    /// Reactors on entering, by key.
    pub on_entered: Vec<Address>,
    /// Reactors on leaving, by key.
    pub on_left: Vec<Address>,
}

/// A metric that is counted anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricEffect {
    /// Which.
    pub address: Address,
    /// Whether it begins with the recorded history; else it counts from the promotion on.
    pub backfill: bool,
}

pub(super) fn effects(input: &PlanInput<'_>, settled: &Settled, actions: &[Action]) -> Effects {
    let matters = |action: &&Action| {
        action.op != Op::Delete && action.fields.iter().any(|one| one.pointer != "/spec/description")
    };
    let changed: Vec<&Action> = actions.iter().filter(matters).collect();
    // Settings (the time zone) are under everything, though nothing names them.
    let settings: BTreeSet<Address> = changed
        .iter()
        .filter(|one| one.address.kind == Kind::Settings)
        .map(|one| one.address.clone())
        .collect();
    let mut below: BTreeMap<&Address, BTreeSet<Address>> = BTreeMap::new();
    let dependents: Vec<_> =
        changed.iter().map(|one| (&one.address, settled.graph.dependents([one.address.clone()]))).collect();
    for (change, touched) in &dependents {
        for audience in touched.iter().filter(|address| address.kind == Kind::Audience) {
            below.entry(audience).or_default().insert((*change).clone());
        }
    }
    let mut audiences: Vec<AudienceEffect> = Vec::new();
    for address in settled.values.keys().filter(|address| address.kind == Kind::Audience) {
        let mut because = settings.clone();
        because.extend(below.get(address).into_iter().flatten().cloned());
        if because.is_empty() {
            continue;
        }
        let crossing = input.facts.crossings.get(&address.key);
        audiences.push(AudienceEffect {
            address: address.clone(),
            because,
            members: input.facts.members.get(&address.key).copied(),
            enter: crossing.map(|one| one.enter),
            leave: crossing.map(|one| one.leave),
            on_entered: reactors(settled, "audience_entered", address),
            on_left: reactors(settled, "audience_left", address),
        });
    }
    let metrics = changed.iter().filter(|one| one.address.kind == Kind::Metric);
    let backfill = |address: &Address| {
        let begin = settled.values.get(address).and_then(|spec| spec.get("begin")).and_then(Value::as_str);
        begin != Some("now")
    };
    Effects {
        audiences,
        metrics: metrics
            .map(|one| MetricEffect { address: one.address.clone(), backfill: backfill(&one.address) })
            .collect(),
        audience_reactors_run: input.choices.run_audience_reactors,
    }
}

fn reactors(settled: &Settled, trigger: &str, audience: &Address) -> Vec<Address> {
    let pointer = format!("/spec/trigger/{trigger}");
    let who = settled.graph.referrers(audience).iter();
    who.filter(|one| one.pointer == pointer).map(|one| one.address.clone()).collect()
}
