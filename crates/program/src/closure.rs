//! Who needs whom: the graph of references of a bundle, and what a selection must take along.

mod references;

pub use references::{Reference, references};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Address;

/// Why an object comes along though nobody selected it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// The object that needs it.
    pub address: Address,
    /// JSON pointer to the field that names it.
    pub pointer: String,
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}", self.address, self.pointer)
    }
}

/// The references of a bundle, in both directions.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    to: BTreeMap<Address, Vec<Reference>>,
    from: BTreeMap<Address, Vec<Because>>,
}

impl Graph {
    /// Reads the references of every object.
    pub fn of<'a>(objects: impl IntoIterator<Item = (&'a Address, &'a Value)>) -> Self {
        let mut graph = Self::default();
        for (address, spec) in objects {
            let references = references(address, spec);
            for one in &references {
                let because = Because { address: address.clone(), pointer: one.pointer.clone() };
                graph.from.entry(one.to.clone()).or_default().push(because);
            }
            graph.to.insert(address.clone(), references);
        }
        graph
    }

    /// What an object refers to.
    pub fn references(&self, address: &Address) -> &[Reference] {
        self.to.get(address).map(Vec::as_slice).unwrap_or_default()
    }

    /// Who refers to an object, and where.
    pub fn referrers(&self, address: &Address) -> &[Because] {
        self.from.get(address).map(Vec::as_slice).unwrap_or_default()
    }

    /// Everything that is named but not there, with who names it.
    pub fn missing(&self) -> impl Iterator<Item = (&Address, &[Because])> {
        self.from.iter().filter(|(to, _)| !self.to.contains_key(to)).map(|(to, who)| (to, who.as_slice()))
    }

    /// The roots and everything that refers to them, directly or through others.
    pub fn dependents(&self, roots: impl IntoIterator<Item = Address>) -> BTreeSet<Address> {
        let mut seen: BTreeSet<Address> = BTreeSet::new();
        let mut next: Vec<Address> = roots.into_iter().collect();
        while let Some(address) = next.pop() {
            if seen.insert(address.clone()) {
                next.extend(self.referrers(&address).iter().map(|one| one.address.clone()));
            }
        }
        seen
    }

    /// The given addresses, each after those of them that it refers to, directly or through others; ties in
    /// the order of addresses. A circle is broken where it was entered (checking reports circles).
    pub fn dependencies_first(&self, addresses: &BTreeSet<Address>) -> Vec<Address> {
        let mut order = Vec::with_capacity(addresses.len());
        let mut seen = BTreeSet::new();
        for root in addresses {
            // Each entry: an address, and whether what it needs has been dealt with.
            let mut stack = vec![(root, false)];
            while let Some((address, ready)) = stack.pop() {
                if ready {
                    order.extend(addresses.contains(address).then(|| address.clone()));
                } else if seen.insert(address) {
                    stack.push((address, true));
                    stack.extend(self.references(address).iter().rev().map(|one| (&one.to, false)));
                }
            }
        }
        order
    }

    /// What an object needs of `wanted`: the first of them on each path of references, with the object that
    /// names it. Paths go on through objects that are not wanted. With `field`, only references of the
    /// object itself from below that pointer are followed.
    pub fn needs(
        &self,
        address: &Address,
        field: Option<&str>,
        wanted: &dyn Fn(&Address) -> bool,
    ) -> BTreeMap<Address, Because> {
        let below = |pointer: &str| field.is_none_or(|field| pointer.starts_with(field));
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::from([address.clone()]);
        let mut next = vec![address.clone()];
        while let Some(from) = next.pop() {
            for one in self.references(&from) {
                if from == *address && !below(&one.pointer) {
                    continue;
                }
                if wanted(&one.to) {
                    let because = Because { address: from.clone(), pointer: one.pointer.clone() };
                    found.entry(one.to.clone()).or_insert(because);
                } else if seen.insert(one.to.clone()) {
                    next.push(one.to.clone());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(objects: &[(&str, &str)]) -> Graph {
        let objects: BTreeMap<Address, Value> = objects
            .iter()
            .map(|(at, spec)| (at.parse().expect("address"), serde_json::from_str(spec).expect("JSON")))
            .collect();
        Graph::of(&objects)
    }

    fn at(text: &str) -> Address {
        text.parse().expect("address")
    }

    #[test]
    fn both_ways() {
        let graph = graph(&[
            ("event_type/order", "{}"),
            ("metric/orders", r#"{"event":"order"}"#),
            ("audience/big", r#"{"condition":"profile.metrics.orders > 1"}"#),
            (
                "reactor/r",
                r#"{"trigger":{"audience_entered":"big"},"actions":[{"award":{"currency":"gone"}}]}"#,
            ),
        ]);
        let all: BTreeSet<Address> = graph.to.keys().cloned().collect();
        let order: Vec<String> = graph.dependencies_first(&all).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["event_type/order", "metric/orders", "audience/big", "reactor/r"]);
        assert_eq!(graph.dependents([at("event_type/order")]), all);
        let missing: Vec<String> = graph.missing().map(|(to, who)| format!("{to} by {}", who[0])).collect();
        assert_eq!(missing, ["currency/gone by reactor/r → /spec/actions/0/award/currency"]);
        let wanted = |one: &Address| *one == at("event_type/order");
        let needs = graph.needs(&at("reactor/r"), None, &wanted);
        assert_eq!(needs[&at("event_type/order")].to_string(), "metric/orders → /spec/event");
        assert_eq!(graph.needs(&at("reactor/r"), Some("/spec/actions"), &wanted), BTreeMap::new());
    }

    #[test]
    fn circles_end() {
        let graph = graph(&[
            ("audience/a", r#"{"condition":"in_audience('b')"}"#),
            ("audience/b", r#"{"condition":"in_audience('a')"}"#),
        ]);
        let all = BTreeSet::from([at("audience/a"), at("audience/b")]);
        assert_eq!(graph.dependencies_first(&all), [at("audience/b"), at("audience/a")]);
        assert_eq!(graph.dependents([at("audience/a")]), all);
    }
}
