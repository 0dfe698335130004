//! Cases from YAML.

mod expect;
mod step;

use std::collections::BTreeMap;

use program::{
    Program,
    document::{
        parse,
        tree::{Node, Tree},
    },
    expression::Value,
};

use super::{
    case::{Case, Step},
    fields::{self, Faults, Fields},
};
use crate::{commands::span, suggest};

/// Reads a file's cases, or everything that is wrong with them.
pub(super) fn cases(file: &str, text: &str, program: &Program) -> Result<Vec<Case>, Vec<String>> {
    let (nodes, text_faults) = parse::parse(text);
    let mut faults = Faults::new(file);
    for fault in text_faults {
        faults.add(
            fault.at,
            format!("{}{}", fault.message, fault.help.map(|help| format!(". {help}")).unwrap_or_default()),
        );
    }
    let cases: Vec<Case> = nodes.iter().filter_map(|node| case(file, node, program, &mut faults)).collect();
    for (i, one) in cases.iter().enumerate() {
        if cases.iter().take(i).any(|other| other.name == one.name) {
            faults
                .found
                .push(format!("{file}:{}:1: another case has the name `{}` already", one.line, one.name));
        }
    }
    if faults.found.is_empty() { Ok(cases) } else { Err(faults.found) }
}

fn case(file: &str, node: &Node, program: &Program, faults: &mut Faults<'_>) -> Option<Case> {
    let mut fields = Fields::of(node, "a case", faults)?;
    let name = fields.text("name", faults);
    if name.is_none() {
        faults.add(node.at, "a case needs a `name`");
    }
    let zone = &program.settings.time_zone;
    let begins = fields.text("begins", faults).and_then(|text| match span::moment(&text, zone) {
        Ok(at) => Some(at),
        Err(why) => {
            faults.add(node.at, why);
            None
        }
    });
    let live = match fields.take("live").map(|node| (&node.tree, node.at)) {
        None => false,
        Some((Tree::Bool(live), _)) => *live,
        Some((_, at)) => {
            faults.add(at, "`live` must be true or false");
            false
        }
    };
    let mut constants = BTreeMap::new();
    if let Some(node) = fields.take("constants") {
        for entry in fields::entries(node, "constants", faults) {
            let declared = program.constants.get_key_value(&*entry.name);
            let Some((key, constant)) = declared else {
                let allowed: Vec<&str> = program.constants.keys().map(program::Key::as_str).collect();
                faults.add(entry.at, suggest::unknown("constant", &entry.name, &allowed));
                continue;
            };
            match Value::from_json(&entry.value.to_json(), &constant.of_type) {
                Some(value) => drop(constants.insert(key.clone(), value)),
                None => faults.add(
                    entry.value.at,
                    format!("`{key}` must be {}, not {}", constant.of_type, entry.value.describe()),
                ),
            }
        }
    }
    let mut steps = Vec::new();
    match fields.take("steps") {
        None => faults.add(node.at, "a case needs `steps`"),
        Some(node) => {
            for (i, node) in fields::list(node, "steps", faults).iter().enumerate() {
                if let Some(step) = step::step(node, i + 1, program, faults) {
                    steps.push((faults.place(node.at), step));
                }
            }
        }
    }
    if let Some(node) = fields.take("expect") {
        let expected = expect::expectations(node, program, faults);
        steps.push((faults.place(node.at), Step::Expect(expected)));
    }
    fields.finish(faults);
    if !steps.iter().any(|(_, step)| matches!(step, Step::Expect(expected) if !expected.is_empty())) {
        faults.add(node.at, "the case expects nothing; add `expect`");
    }
    Some(Case { name: name?, file: file.to_owned(), line: node.at.line, begins, live, constants, steps })
}
