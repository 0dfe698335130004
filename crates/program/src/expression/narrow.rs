//! Finds the lists of objects of which only some fields are looked at: the others need not be brought from JSON, which
//! takes longer than looking at a few.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    ValueType,
    tree::{Function, LoopKind, Node, Read, Source},
};

/// Notes at each such read which fields are wanted. What an expression comes to, and what it costs, stays the same.
pub(super) fn narrow(node: &mut Node) {
    match node {
        Node::Loop(each) if each.kind != LoopKind::Filter => {
            let mut wanted = BTreeSet::new();
            if let Node::Read(read) = &mut each.over
                && is_list_of_objects(read)
                && [Some(&each.body), each.test.as_ref()]
                    .into_iter()
                    .flatten()
                    .all(|part| only_fields(part, each.depth, &mut wanted))
            {
                read.wanted = Some(wanted.into_iter().collect());
            }
        }
        Node::Call(Function::Size, parts) => {
            if let [Node::Read(read)] = &mut **parts
                && is_list_of_objects(read)
            {
                read.wanted = Some([].into());
            }
        }
        _ => {}
    }
    node.parts_mut().into_iter().for_each(narrow);
}

fn is_list_of_objects(read: &Read) -> bool {
    matches!(read.source, Source::Property(_))
        && matches!(&read.of_type, ValueType::List(of) if matches!(**of, ValueType::Object(_)))
}

/// Whether nothing but fields is looked at of the variable of the loop at `depth`; gathers which.
fn only_fields(node: &Node, depth: usize, wanted: &mut BTreeSet<Arc<str>>) -> bool {
    match node {
        Node::Local(at) => *at != depth,
        Node::Field(field) if matches!(field.object, Node::Local(at) if at == depth) => {
            wanted.insert(Arc::clone(&field.key));
            true
        }
        _ => node.parts().into_iter().all(|part| only_fields(part, depth, wanted)),
    }
}
