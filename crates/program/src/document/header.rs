//! A document's `kind`, `key` and `spec`.

use crate::{
    Address, Fault, Kind,
    check::Document,
    decode::{Reader, Source, View},
    document::tree::{Mark, Node, Tree},
};

const FIELDS: &[&str] = &["kind", "key", "spec"];
const KINDS: [(&str, Kind); 9] = {
    let mut kinds = [("", Kind::Settings); 9];
    let mut i = 0;
    while i < Kind::ALL.len() {
        kinds[i] = (Kind::ALL[i].as_str(), Kind::ALL[i]);
        i += 1;
    }
    kinds
};
/// What a document without `spec` says.
static EMPTY: Node = Node { tree: Tree::Map(Vec::new()), at: Mark { line: 1, column: 1 } };

/// Reads them; `None` when there is no address to speak of.
pub(crate) fn read<'a>(source: Source<'a>, node: &'a Node, faults: &mut Vec<Fault>) -> Option<Document<'a>> {
    let reader = Reader::new(Some(source), None);
    let root = View::new(node, String::new());
    let address = address(&reader, &root);
    let mut found = reader.into_faults();
    // Now that the object is known, its faults can name it.
    for fault in &mut found {
        fault.address.clone_from(&address);
    }
    faults.extend(found);
    let spec = match node.field("spec") {
        None | Some(Node { tree: Tree::Null, .. }) => View::new(&EMPTY, "/spec".into()),
        Some(spec) => root.step("spec", spec),
    };
    Some(Document { address: address?, source: Some(source), begins: node.at, spec })
}

fn address(reader: &Reader<'_>, root: &View<'_>) -> Option<Address> {
    let fields = root.fields(reader, "a document", FIELDS)?;
    let kind = fields.read("kind", |view| view.word(reader, &KINDS));
    let key = fields.read("key", |view| view.key(reader));
    let (kind, key) = (kind?, key?);
    if kind == Kind::Settings && key.as_str() != "program" {
        let message = format!("there is only one object of settings, `settings/program`; this is `{key}`");
        reader.fault(&fields.get("key")?, "bad_key", message, "Write `key: program`.");
        return None;
    }
    Some(Address::new(kind, key))
}
