//! How many steps an evaluation may take at most, when lists are as long as lists are taken to be.

use super::super::{
    Value,
    limits::LIST_ASSUMED,
    tree::{LoopKind, Node},
};

/// The bound of a tree.
pub(super) fn bound(node: &Node) -> u64 {
    let sum = |nodes: &[Node]| nodes.iter().map(bound).fold(1, u64::saturating_add);
    match node {
        Node::Constant(_) | Node::Local(_) => 1,
        Node::Read(_) | Node::Audience(_) => 2,
        Node::Field(field) => bound(&field.object).saturating_add(1),
        Node::Item(item) => bound(&item.list).saturating_add(1),
        Node::Has(of) | Node::Not(of) | Node::Negate(of) => bound(of).saturating_add(1),
        Node::InTexts(of, texts) => bound(of).saturating_add(u64::from(texts.len().max(1).ilog2())),
        Node::Matches(of, _) => bound(of).saturating_add(16),
        Node::And(pair) | Node::Or(pair) | Node::Compare(_, pair) | Node::Math(_, pair) => sum(&**pair),
        Node::In(pair) => sum(&**pair).saturating_add(length(&pair[1])),
        Node::Choose(parts) => sum(&**parts),
        Node::List(parts) | Node::Call(_, parts) => sum(parts),
        Node::Loop(each) => {
            let test = each.test.as_ref().map_or(0, bound);
            let once = bound(&each.body).saturating_add(test).saturating_add(1);
            bound(&each.over).saturating_add(once.saturating_mul(length(&each.over)))
        }
    }
}

/// How long the list that a tree gives may be.
fn length(node: &Node) -> u64 {
    match node {
        Node::Constant(Value::List(items)) => items.len() as u64,
        Node::List(parts) => parts.len() as u64,
        Node::Loop(each) if matches!(each.kind, LoopKind::Filter | LoopKind::Map) => length(&each.over),
        Node::Math(_, pair) => length(&pair[0]).saturating_add(length(&pair[1])),
        Node::Choose(parts) => length(&parts[1]).max(length(&parts[2])),
        _ => LIST_ASSUMED,
    }
}
