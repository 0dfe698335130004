//! Finds the lists of objects of which only some fields are looked at: the others need not be brought from JSON, which
//! takes longer than looking at a few.

use std::{collections::BTreeSet, sync::Arc};

use super::super::{
    ValueType,
    tree::{Loop, LoopKind, Node, Read, Source},
};

/// Notes which fields a loop looks at. What it comes to, and what it costs, stays the same.
pub(super) fn by_loop(each: &mut Loop) {
    // A `filter` gives the items themselves.
    if each.kind == LoopKind::Filter {
        return;
    }
    let mut wanted = BTreeSet::new();
    let parts = [Some(&each.body), each.test.as_ref()];
    if parts.into_iter().flatten().all(|part| only_fields(part, each.depth, &mut wanted)) {
        note(&mut each.over, wanted.into_iter().collect());
    }
}

/// Notes that of a list nothing but its length is asked.
pub(super) fn by_size(of: &mut Node) {
    note(of, [].into());
}

fn note(list: &mut Node, wanted: Arc<[Arc<str>]>) {
    if let Node::Read(read) = list
        && is_list_of_objects(read)
    {
        read.wanted = Some(wanted);
    }
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
