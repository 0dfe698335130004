//! What is worked out from a program once: who depends on what, fingerprints, terms, names.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ledger::Terms;
use program::{
    Key, Kind, Program,
    expression::{Expression, ValueType},
    kinds::{
        currency::{Currency, Expiry, ExpiryEnd, Rounding},
        metric::{Aggregate, Metric, Of, Window},
        reactor::{Action, Amount},
        settings::Settings,
    },
    schema::Lookup,
};
use sha2::{Digest, Sha256};

use crate::Profile;

/// Looked up while deciding. Audiences are named by their place in `Program::audience_order`.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub(crate) terms: BTreeMap<Key, Terms>,
    fingerprints: BTreeMap<Key, u64>,
    /// Sorted.
    pub(crate) declared: Arc<Vec<u64>>,
    pub(crate) audiences_by_trait: BTreeMap<Arc<str>, Vec<usize>>,
    pub(crate) audiences_by_metric: BTreeMap<Arc<str>, Vec<usize>>,
    pub(crate) audiences_by_currency: BTreeMap<Arc<str>, Vec<usize>>,
    /// By an audience's place: the audiences that ask whether the profile is in it.
    pub(crate) audiences_by_audience: Vec<Vec<usize>>,
    /// The constants that conditions of audiences read.
    pub(crate) constants_of_audiences: BTreeSet<Key>,
    /// Those whose condition reads a metric over a rolling or calendar window.
    pub(crate) audiences_with_windows: Vec<usize>,
    /// The metrics over rolling or calendar windows that some audience reads.
    pub(crate) rolling: Vec<Key>,
    /// By event type: the properties that its reactors and metrics read, with their types.
    property_types: BTreeMap<Key, Vec<(Vec<String>, ValueType)>>,
    /// Name in identify's `traits` → trait key.
    pub(crate) trait_names: BTreeMap<String, Key>,
    has_budgets: bool,
}

impl Index {
    /// Builds it.
    pub fn new(program: &Program) -> Self {
        let mut index = Self {
            terms: program
                .currencies
                .iter()
                .map(|(key, currency)| (key.clone(), terms(currency, &program.settings)))
                .collect(),
            fingerprints: program
                .metrics
                .iter()
                .map(|(key, metric)| (key.clone(), fingerprint(key, metric, &program.settings)))
                .collect(),
            trait_names: program
                .traits
                .iter()
                .map(|(key, declared)| (declared.from.clone(), key.clone()))
                .collect(),
            audiences_by_audience: vec![Vec::new(); program.audience_order.len()],
            has_budgets: program.reactors.iter().any(|(_, reactor)| reactor.budget.is_some()),
            ..Self::default()
        };
        let mut declared: Vec<u64> = index.fingerprints.values().copied().collect();
        declared.sort_unstable();
        index.declared = Arc::new(declared);
        index.depend(program);
        index.property_types(program);
        index
    }

    fn property_types(&mut self, program: &Program) {
        for (key, event_type) in &program.event_types {
            let metrics = program.metrics.values().filter(|metric| metric.event == *key);
            let of_metrics = metrics.clone().filter_map(|metric| match &metric.of {
                Some(Of::Property(path)) => Some(path.join(".")),
                _ => None,
            });
            let filters = metrics.filter_map(|metric| metric.filter.as_ref());
            let reactors = program
                .reactors_by_event
                .get(key)
                .into_iter()
                .flatten()
                .filter_map(|at| program.reactors.get(*at))
                .map(|(_, reactor)| reactor);
            let amounts = reactors.clone().flat_map(|reactor| &reactor.actions).filter_map(paths_of);
            let conditions = reactors
                .clone()
                .flat_map(|reactor| {
                    reactor.condition.iter().chain(reactor.actions.iter().flat_map(expressions_of))
                })
                .chain(filters)
                .flat_map(|expression| &expression.reads)
                .filter_map(|path| path.strip_prefix("event.properties.").map(str::to_owned));
            let dotted: BTreeSet<String> = of_metrics.chain(amounts).chain(conditions).collect();
            let types = dotted
                .into_iter()
                .map(|dotted| {
                    let path: Vec<String> = dotted.split('.').map(str::to_owned).collect();
                    let of_type = type_at(&event_type.schema, &path);
                    (path, of_type)
                })
                .collect();
            self.property_types.insert(key.clone(), types);
        }
    }

    /// Whether any reactor asks a counter that members share.
    pub const fn has_budgets(&self) -> bool {
        self.has_budgets
    }

    /// The constants that conditions of audiences read.
    pub fn constants_of_audiences(&self) -> impl Iterator<Item = &Key> {
        self.constants_of_audiences.iter()
    }

    /// The declared type of a property; open where nothing is declared.
    pub(crate) fn property_type<S: AsRef<str>>(
        &self,
        rules: &crate::Rules,
        event: Option<&Key>,
        path: &[S],
    ) -> Cow<'_, ValueType> {
        let Some(event) = event else { return Cow::Owned(ValueType::Any) };
        let read = self.property_types.get(event).into_iter().flatten();
        match read
            .into_iter()
            .find(|(at, _)| at.iter().map(String::as_str).eq(path.iter().map(AsRef::as_ref)))
        {
            Some((_, of_type)) => Cow::Borrowed(of_type),
            None => Cow::Owned(
                rules
                    .program
                    .event_types
                    .get(event)
                    .map_or(ValueType::Any, |event_type| type_at(&event_type.schema, path)),
            ),
        }
    }

    fn depend(&mut self, program: &Program) {
        let place: BTreeMap<&Key, usize> =
            program.audience_order.iter().enumerate().map(|(at, key)| (key, at)).collect();
        let mut rolling = BTreeSet::new();
        for (at, key) in program.audience_order.iter().enumerate() {
            let Some(audience) = program.audiences.get(key) else { continue };
            let mut windows = false;
            for reference in &audience.condition.references {
                let name = || reference.key.shared();
                match reference.kind {
                    Kind::Trait => self.audiences_by_trait.entry(name()).or_default().push(at),
                    Kind::Currency => self.audiences_by_currency.entry(name()).or_default().push(at),
                    Kind::Metric => {
                        self.audiences_by_metric.entry(name()).or_default().push(at);
                        let metric = program.metrics.get(&reference.key);
                        if metric.is_some_and(|metric| metric.window != Window::Lifetime) {
                            windows = true;
                            rolling.insert(reference.key.clone());
                        }
                    }
                    Kind::Audience => {
                        if let Some(other) = place
                            .get(&reference.key)
                            .and_then(|other| self.audiences_by_audience.get_mut(*other))
                        {
                            other.push(at);
                        }
                    }
                    Kind::Constant => drop(self.constants_of_audiences.insert(reference.key.clone())),
                    Kind::Settings | Kind::Secret | Kind::EventType | Kind::Reactor => {}
                }
            }
            if windows {
                self.audiences_with_windows.push(at);
            }
        }
        self.rolling = rolling.into_iter().collect();
    }

    /// A metric's fingerprint: changes when it would count differently, and only then (not with its
    /// description, nor with what it begins with).
    pub fn fingerprint(&self, metric: &str) -> Option<u64> {
        self.fingerprints.get(metric).copied()
    }

    /// Whether the metric, with this fingerprint, is new to the profile or redefined since.
    pub(crate) fn is_new(profile: &Profile, key: &Key, fingerprint: u64) -> bool {
        match profile.metrics.get(key.as_str()) {
            Some(state) => state.fingerprint != fingerprint,
            None => profile.declared.binary_search(&fingerprint).is_err(),
        }
    }
}

/// The type that a schema gives a path.
fn type_at<S: AsRef<str>>(schema: &serde_json::Value, path: &[S]) -> ValueType {
    match program::schema::lookup(schema, path) {
        Lookup::Named(named) => named.of_type,
        Lookup::Open | Lookup::Absent => ValueType::Any,
    }
}

/// The path of an amount, dotted.
fn paths_of(action: &Action) -> Option<String> {
    match action {
        Action::Award { amount: Amount::Of { of, .. }, .. }
        | Action::Deduct { amount: Amount::Of { of, .. }, .. } => Some(of.join(".")),
        _ => None,
    }
}

/// The expressions in an action.
fn expressions_of(action: &Action) -> Vec<&Expression> {
    match action {
        Action::Award { amount, .. } | Action::Deduct { amount, .. } => match amount {
            Amount::Expression(expression) => vec![expression],
            Amount::Of { .. } => Vec::new(),
        },
        Action::SetTrait { value, .. } => vec![value],
        Action::EmitEvent { properties: fields, .. }
        | Action::CallWebhook { data: fields, .. }
        | Action::SendMessage { data: fields, .. } => fields.iter().map(|(_, value)| value).collect(),
    }
}

/// Written out in words of its own, so that no change of names in the code moves it.
fn fingerprint(key: &Key, metric: &Metric, settings: &Settings) -> u64 {
    let aggregate = match metric.aggregate {
        Aggregate::Count => "count",
        Aggregate::Sum => "sum",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
        Aggregate::Last => "last",
    };
    let of = match &metric.of {
        None => String::new(),
        Some(Of::Timestamp) => "timestamp".into(),
        Some(Of::Property(path)) => format!("properties\u{1f}{}", path.join("\u{1f}")),
    };
    let (window, zone) = match metric.window {
        Window::Lifetime => ("lifetime".into(), ""),
        Window::RollingDays(days) => (format!("rolling {days}"), settings.time_zone_name.as_str()),
        Window::CalendarMonth => ("month".into(), settings.time_zone_name.as_str()),
        Window::CalendarYear => ("year".into(), settings.time_zone_name.as_str()),
    };
    let filter = metric.filter.as_ref().map_or("", |filter| &filter.source);
    let text = [key.as_str(), metric.event.as_str(), aggregate, &of, &window, zone, filter].join("\u{1e}");
    let hash = Sha256::digest(text);
    hash.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

fn terms(currency: &Currency, settings: &Settings) -> Terms {
    Terms {
        pending_days: currency.pending_days,
        expiry: match currency.expiry {
            Expiry::Never => ledger::Expiry::Never,
            Expiry::AfterDays { days, end_of } => ledger::Expiry::AfterDays(
                days,
                match end_of {
                    ExpiryEnd::Day => ledger::ExpiryEnd::Day,
                    ExpiryEnd::Month => ledger::ExpiryEnd::Month,
                    ExpiryEnd::Year => ledger::ExpiryEnd::Year,
                },
            ),
        },
        allow_negative: currency.allow_negative,
        zone: settings.time_zone.clone(),
    }
}

/// The ledger's word for a rounding.
pub(crate) const fn rounding(rounding: Rounding) -> ledger::Rounding {
    match rounding {
        Rounding::Floor => ledger::Rounding::Floor,
        Rounding::Ceil => ledger::Rounding::Ceil,
        Rounding::HalfUp => ledger::Rounding::HalfUp,
        Rounding::HalfEven => ledger::Rounding::HalfEven,
    }
}
