//! Paths: what they lead to, of which type, and whether it is sure to be there.

use cel::{
    common::ast::{Expr, LiteralValue, operators as op},
    parser::Expression as Tree,
};

use super::{
    Checker, Local, Typed,
    guards::{Known, item, step},
    suggest::did_you_mean,
    unknown::listed,
};
use crate::expression::{
    ValueType,
    tree::{Field, Item, Node},
};

/// Something that a path leads to.
pub(super) struct Found {
    pub(super) node: Node,
    pub(super) of: ValueType,
    /// As it is written.
    pub(super) name: String,
    /// Its place, if it can be guarded.
    pub(super) place: Option<String>,
    /// What must be known to be there before it may be read.
    pub(super) needs: Vec<Need>,
}

/// Something that may be missing.
pub(super) struct Need {
    pub(super) place: Option<String>,
    pub(super) name: String,
    /// For an item of a list: the list as written, and the index.
    pub(super) item: Option<(String, usize)>,
}

impl<'a> Checker<'a> {
    /// The loop variable of this name: its depth and itself.
    pub(super) fn local(&self, name: &str) -> Option<(usize, &Local)> {
        self.locals.iter().enumerate().rev().find(|(_, local)| local.name == name)
    }

    /// `has(path)`: true when the path leads to a value.
    pub(super) fn has(&mut self, tree: &'a Tree, known: &Known) -> Option<Typed> {
        let found = self.find(tree, known)?;
        Some(Typed::new(Node::Has(Box::new(found.node)), ValueType::Bool))
    }

    /// A path that is read, and must be known to lead to a value.
    pub(super) fn read(&mut self, tree: &'a Tree, known: &Known) -> Option<Typed> {
        let found = self.find(tree, known)?;
        let missing = found.needs.iter().filter(|need| match &need.place {
            Some(place) => !known.contains(place),
            None => true,
        });
        let missing: Vec<_> = missing.collect();
        if let Some(last) = missing.last() {
            let list_missing = missing.len() > 1;
            self.report_unguarded(tree, &found.of, last, list_missing);
            return None;
        }
        Some(Typed::new(found.node, found.of))
    }

    /// The type at the end of a path, whether or not there is a value.
    pub(super) fn type_of_path(&mut self, tree: &'a Tree, known: &Known) -> Option<ValueType> {
        self.find(tree, known).map(|found| found.of)
    }

    fn report_unguarded(&mut self, tree: &'a Tree, of: &ValueType, need: &Need, list_missing: bool) {
        if !self.unguarded.insert(need.name.clone()) {
            return;
        }
        let Some(_) = need.place else {
            let message = format!("`{}` may be missing, and there is no way to test for it here.", need.name);
            let help = match need.item {
                Some(_) => "Use exists() or all() on the list instead of one of its items.",
                None => "Read it from a field, so that has() can test for it.",
            };
            self.fault(tree, "unguarded", message, help);
            return;
        };
        let guard = match &need.item {
            Some((list, index)) if list_missing => format!("has({list}) && size({list}) > {index}"),
            Some((list, index)) => format!("size({list}) > {index}"),
            None => format!("has({})", need.name),
        };
        let message = match &need.item {
            Some((list, index)) => format!("`{list}` may have no item {index}."),
            None => format!("`{}` may be missing.", need.name),
        };
        let help = match self.conditions.last() {
            Some(condition) => format!("Test for it first: `{guard} && {}`.", self.source.slice(condition)),
            None if *of == ValueType::Bool => {
                format!("Test for it first: `{guard} && {}`.", self.source.slice(tree))
            }
            None => format!("Say what holds without it: `{guard} ? {} : …`.", self.source.slice(tree)),
        };
        self.fault(tree, "unguarded", message, help);
    }

    /// Follows a path, whether or not it is sure to lead to a value.
    fn find(&mut self, tree: &'a Tree, known: &Known) -> Option<Found> {
        match &tree.expr {
            Expr::Ident(name) => match self.local(name) {
                Some((depth, local)) => Some(Found {
                    node: Node::Local(depth),
                    of: local.of.clone(),
                    name: name.clone(),
                    place: Some(format!("#{}", local.id)),
                    needs: Vec::new(),
                }),
                None => self.named(tree, &[name.as_str()]),
            },
            Expr::Select(select) => {
                if let Some(names) = self.chain(tree) {
                    return self.named(tree, &names);
                }
                let object = self.find(&select.operand, known)?;
                self.field(tree, object, &select.field)
            }
            Expr::Call(call) if call.func_name == op::INDEX && call.args.len() == 2 => {
                if let Some(names) = self.chain(tree) {
                    return self.named(tree, &names);
                }
                let of = self.find(&call.args[0], known)?;
                match &call.args[1].expr {
                    Expr::Literal(LiteralValue::String(field)) => self.field(tree, of, field.inner()),
                    Expr::Literal(LiteralValue::Int(index)) => self.item(tree, of, *index.inner()),
                    _ => {
                        self.mistyped(
                            &call.args[1],
                            "A place in a list must be a number written out, such as 0.",
                            "To look through a list, use exists(), all() or filter().",
                        );
                        None
                    }
                }
            }
            _ => {
                let typed = self.expression(tree, known)?;
                let name = self.source.slice(tree).to_owned();
                Some(Found { node: typed.node, of: typed.of, name, place: None, needs: Vec::new() })
            }
        }
    }

    /// `a.b.c` (or `a['b'].c`) as names, when its root is not a loop's variable.
    fn chain(&self, tree: &'a Tree) -> Option<Vec<&'a str>> {
        match &tree.expr {
            Expr::Ident(name) => self.local(name).is_none().then(|| vec![name.as_str()]),
            Expr::Select(select) => {
                let mut names = self.chain(&select.operand)?;
                names.push(&select.field);
                Some(names)
            }
            Expr::Call(call) if call.func_name == op::INDEX => {
                let mut names = self.chain(call.args.first()?)?;
                match &call.args.get(1)?.expr {
                    Expr::Literal(LiteralValue::String(field)) => names.push(field.inner()),
                    _ => return None,
                }
                Some(names)
            }
            _ => None,
        }
    }

    /// A field of what a path leads to.
    pub(super) fn field(&mut self, tree: &'a Tree, object: Found, key: &str) -> Option<Found> {
        let (of, always) = match &object.of {
            ValueType::Object(fields) => {
                let Some(field) = fields.get(key) else {
                    let names = || fields.keys().map(|name| &**name);
                    let help =
                        did_you_mean(key, names().map(str::to_owned)).unwrap_or_else(|| listed(names()));
                    self.fault(
                        tree,
                        "unknown_name",
                        format!("`{}` has no field `{key}`.", object.name),
                        help,
                    );
                    return None;
                };
                field.clone()
            }
            ValueType::Any => (ValueType::Any, false),
            other => {
                let message = format!("`{}` is {other}; it has no field `{key}`.", object.name);
                let help = match other {
                    ValueType::List(_) => {
                        format!("Look through its items: `{}.exists(item, item.{key} …)`.", object.name)
                    }
                    _ => String::new(),
                };
                self.mistyped(tree, message, help);
                return None;
            }
        };
        let name = format!("{}{}", object.name, written(key));
        let place = object.place.map(|place| step(&place, key));
        let mut needs = object.needs;
        if !always {
            needs.push(Need { place: place.clone(), name: name.clone(), item: None });
        }
        let field = Field { object: object.node, key: key.into(), name: name.as_str().into() };
        Some(Found { node: Node::Field(Box::new(field)), of, name, place, needs })
    }

    fn item(&mut self, tree: &'a Tree, list: Found, index: i64) -> Option<Found> {
        let ValueType::List(of) = &list.of else {
            let message = format!("`{}` is {}; it has no items.", list.name, list.of);
            self.mistyped(tree, message, "");
            return None;
        };
        let Ok(index) = usize::try_from(index) else {
            self.mistyped(tree, "Items are counted from 0.", "");
            return None;
        };
        let of = (**of).clone();
        let name = format!("{}[{index}]", list.name);
        let place = list.place.map(|place| item(&place, index));
        let mut needs = list.needs;
        let sure = matches!(&list.node, Node::Constant(crate::expression::Value::List(items)) if index < items.len());
        if !sure {
            needs.push(Need { place: place.clone(), name: name.clone(), item: Some((list.name, index)) });
        }
        let node = Item { list: list.node, index, name: name.as_str().into() };
        Some(Found { node: Node::Item(Box::new(node)), of, name, place, needs })
    }
}

/// A step of a path, as it is written: `.total`, or with backticks when it is no plain name.
pub(super) fn written(key: &str) -> String {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && key.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if plain { format!(".{key}") } else { format!(".`{key}`") }
}
