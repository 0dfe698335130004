//! What a case expects. Names of currencies, audiences, traits and metrics must be declared.

use program::{
    Key, Program,
    document::tree::{Entry, Node, Tree},
};

use super::super::{
    case::{Expectation, Expected, Going, Posting},
    fields::{self, Faults, Fields},
};
use crate::suggest;

/// Reads `expect`.
pub(super) fn expectations(node: &Node, program: &Program, faults: &mut Faults<'_>) -> Vec<Expectation> {
    let mut all = Vec::new();
    let Some(mut fields) = Fields::of(node, "`expect`", faults) else { return all };
    let mut members =
        |name: &'static str,
         fields: &mut Fields<'_>,
         faults: &mut Faults<'_>,
         read: &mut dyn FnMut(&str, &Entry, &mut Faults<'_>) -> Vec<Expected>| {
            let Some(node) = fields.take(name) else { return };
            for entry in fields::entries(node, name, faults) {
                let at = faults.place(entry.at);
                all.extend(
                    read(&entry.name, entry, faults)
                        .into_iter()
                        .map(|what| Expectation { at: at.clone(), what }),
                );
            }
        };
    members("balances", &mut fields, faults, &mut |member, entry, faults| {
        let mut found = Vec::new();
        for one in fields::entries(&entry.value, "balances", faults) {
            let known = program.currencies.keys().map(Key::as_str);
            if declared("currency", &one.name, one, known, faults) {
                found.extend(balance(member, one, faults));
            }
        }
        found
    });
    members("postings", &mut fields, faults, &mut |member, entry, faults| {
        let postings = fields::list(&entry.value, "postings", faults)
            .iter()
            .filter_map(|node| posting(node, program, faults));
        vec![Expected::Postings(member.to_owned(), postings.collect())]
    });
    members("audiences", &mut fields, faults, &mut |member, entry, faults| {
        let mut audiences = Vec::new();
        for node in fields::list(&entry.value, "audiences", faults) {
            let Some(name) = fields::text(node, "audience", faults) else { continue };
            known("audience", &name, node, program.audiences.keys().map(Key::as_str), faults);
            audiences.push(name);
        }
        audiences.sort();
        vec![Expected::Audiences(member.to_owned(), audiences)]
    });
    members("traits", &mut fields, faults, &mut |member, entry, faults| {
        let mut found = Vec::new();
        for one in fields::entries(&entry.value, "traits", faults) {
            if declared("trait", &one.name, one, program.traits.keys().map(Key::as_str), faults) {
                found.push(Expected::Trait(member.to_owned(), one.name.to_string(), one.value.to_json()));
            }
        }
        found
    });
    members("metrics", &mut fields, faults, &mut |member, entry, faults| {
        let mut found = Vec::new();
        for one in fields::entries(&entry.value, "metrics", faults) {
            if declared("metric", &one.name, one, program.metrics.keys().map(Key::as_str), faults) {
                found.push(Expected::Metric(member.to_owned(), one.name.to_string(), one.value.to_json()));
            }
        }
        found
    });
    members("outbox", &mut fields, faults, &mut |member, entry, faults| {
        let going =
            fields::list(&entry.value, "outbox", faults).iter().filter_map(|node| going(node, faults));
        vec![Expected::Outbox(member.to_owned(), going.collect())]
    });
    let mut put = |node: &Node, what: Expected, faults: &Faults<'_>| {
        all.push(Expectation { at: faults.place(node.at), what });
    };
    if let Some(node) = fields.take("quarantined") {
        let ids =
            fields::list(node, "quarantined", faults).iter().filter_map(|node| quarantined(node, faults));
        let ids = ids.collect();
        put(node, Expected::Quarantined(ids), faults);
    }
    if let Some(node) = fields.take("duplicates") {
        let ids = fields::list(node, "duplicates", faults)
            .iter()
            .filter_map(|node| fields::text(node, "duplicates", faults))
            .collect();
        put(node, Expected::Duplicates(ids), faults);
    }
    if let Some(node) = fields.take("refused")
        && let Some(count) = fields::whole(node, "refused", faults)
    {
        put(node, Expected::Refused(usize::try_from(count).unwrap_or(0)), faults);
    }
    fields.finish(faults);
    all
}

/// A declared currency's key.
pub(super) fn currency(node: &Node, program: &Program, faults: &mut Faults<'_>) -> Option<String> {
    let key = fields::text(node, "currency", faults)?;
    known("currency", &key, node, program.currencies.keys().map(Key::as_str), faults).then_some(key)
}

fn declared<'k>(
    what: &str,
    name: &str,
    entry: &Entry,
    keys: impl Iterator<Item = &'k str>,
    faults: &mut Faults<'_>,
) -> bool {
    let keys: Vec<&str> = keys.collect();
    let is = keys.contains(&name);
    if !is {
        faults.add(entry.at, suggest::unknown(what, name, &keys));
    }
    is
}

fn known<'k>(
    what: &str,
    name: &str,
    node: &Node,
    keys: impl Iterator<Item = &'k str>,
    faults: &mut Faults<'_>,
) -> bool {
    let keys: Vec<&str> = keys.collect();
    let is = keys.contains(&name);
    if !is {
        faults.add(node.at, suggest::unknown(what, name, &keys));
    }
    is
}

fn balance(member: &str, entry: &Entry, faults: &mut Faults<'_>) -> Option<Expected> {
    let (available, pending) = match &entry.value.tree {
        Tree::Map(_) => {
            let mut fields = Fields::of(&entry.value, "a balance", faults)?;
            let both = (fields.whole("available", faults), fields.whole("pending", faults));
            fields.finish(faults);
            both
        }
        _ => (Some(fields::whole(&entry.value, &entry.name, faults)?), None),
    };
    Some(Expected::Balance(member.to_owned(), entry.name.to_string(), available, pending))
}

fn posting(node: &Node, program: &Program, faults: &mut Faults<'_>) -> Option<Posting> {
    const REASONS: [&str; 9] =
        ["award", "deduct", "mature", "expire", "adjust", "reverse", "merge_in", "merge_out", "erase"];
    let mut fields = Fields::of(node, "a posting", faults)?;
    let currency = fields.take("currency").and_then(|node| currency(node, program, faults));
    let amount = fields.whole("amount", faults);
    let reason = fields.take("reason").and_then(|node| {
        let reason = fields::text(node, "reason", faults)?;
        known("reason", &reason, node, REASONS.into_iter(), faults).then_some(reason)
    });
    let reactor = fields.take("reactor").and_then(|node| reactor(node, program, faults));
    fields.finish(faults);
    Some(Posting { currency, amount, reason, reactor })
}

fn reactor(node: &Node, program: &Program, faults: &mut Faults<'_>) -> Option<String> {
    let key = fields::text(node, "reactor", faults)?;
    let keys = program.reactors.iter().map(|(key, _)| key.as_str());
    known("reactor", &key, node, keys, faults).then_some(key)
}

fn going(node: &Node, faults: &mut Faults<'_>) -> Option<Going> {
    let mut fields = Fields::of(node, "something in the outbox", faults)?;
    let going = Going {
        channel: fields.text("channel", faults),
        reactor: fields.text("reactor", faults),
        payload: fields.take("payload").map(Node::to_json),
    };
    fields.finish(faults);
    Some(going)
}

fn quarantined(node: &Node, faults: &mut Faults<'_>) -> Option<(String, Option<String>)> {
    if !matches!(node.tree, Tree::Map(_)) {
        return Some((fields::text(node, "quarantined", faults)?, None));
    }
    let mut fields = Fields::of(node, "a quarantined event", faults)?;
    let (id, code) = (fields.text("messageId", faults), fields.text("code", faults));
    if id.is_none() {
        faults.add(node.at, "name the event by its `messageId` (an event without one is called step-N)");
    }
    fields.finish(faults);
    Some((id?, code))
}
