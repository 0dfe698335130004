//! Names and paths: what is declared, of which type, and whether it is sure to be there.

use std::sync::Arc;

use cel::{
    common::ast::{Expr, LiteralValue, operators as op},
    parser::Expression as Tree,
};

use super::{
    Checker, Local, Typed,
    guards::{Known, item, step},
    suggest::{closest, did_you_mean},
};
use crate::{
    Kind,
    expression::{
        Declared, ValueType,
        tree::{Field, Item, Node, Read, Source},
    },
};

/// Something that a path leads to.
struct Found {
    node: Node,
    of: ValueType,
    /// As it is written.
    name: String,
    /// Its place, if it can be guarded.
    place: Option<String>,
    /// What must be known to be there before it may be read.
    needs: Vec<Need>,
}

/// Something that may be missing.
struct Need {
    place: Option<String>,
    name: String,
    /// For an item of a list: the list as written, and the index.
    item: Option<(String, usize)>,
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

    fn field(&mut self, tree: &'a Tree, object: Found, key: &str) -> Option<Found> {
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

    /// A path from a root.
    fn named(&mut self, tree: &'a Tree, names: &[&'a str]) -> Option<Found> {
        match names {
            ["event", ..] if !self.scope.has_event() => {
                self.fault(
                    tree,
                    "unknown_name",
                    "There is no event here.",
                    "Use what is known of the profile: `profile.traits`, `profile.metrics`, `profile.balances`, `in_audience(…)`.",
                );
                None
            }
            ["event", "name", rest @ ..] => {
                self.fact(tree, Source::EventName, "event.name", known_as(ValueType::String), rest)
            }
            ["event", "timestamp", rest @ ..] => self.fact(
                tree,
                Source::EventTimestamp,
                "event.timestamp",
                known_as(ValueType::Timestamp),
                rest,
            ),
            ["event", "properties", path @ ..] if !path.is_empty() => self.property(tree, path),
            ["profile", "traits", key, rest @ ..] => match self.scope.profile_trait(key) {
                Some(declared) => {
                    self.refer(Kind::Trait, key);
                    self.fact(
                        tree,
                        Source::Trait((*key).into()),
                        &format!("profile.traits.{key}"),
                        declared,
                        rest,
                    )
                }
                None => self.undeclared(tree, "trait", "profile.traits", key, Kind::Trait),
            },
            ["profile", "metrics", key, rest @ ..] => match self.scope.metric(key) {
                Some(declared) => {
                    self.refer(Kind::Metric, key);
                    self.fact(
                        tree,
                        Source::Metric((*key).into()),
                        &format!("profile.metrics.{key}"),
                        declared,
                        rest,
                    )
                }
                None => self.undeclared(tree, "metric", "profile.metrics", key, Kind::Metric),
            },
            ["profile", "balances", key, rest @ ..] => {
                if self.scope.currency(key) {
                    self.refer(Kind::Currency, key);
                    let declared = known_as(ValueType::Int);
                    self.fact(
                        tree,
                        Source::Balance((*key).into()),
                        &format!("profile.balances.{key}"),
                        declared,
                        rest,
                    )
                } else {
                    self.undeclared(tree, "currency", "profile.balances", key, Kind::Currency)
                }
            }
            ["constants", key, rest @ ..] => match self.scope.constant(key) {
                Some(declared) => {
                    self.refer(Kind::Constant, key);
                    self.fact(
                        tree,
                        Source::Constant((*key).into()),
                        &format!("constants.{key}"),
                        declared,
                        rest,
                    )
                }
                None => self.undeclared(tree, "constant", "constants", key, Kind::Constant),
            },
            _ => {
                self.unknown_root(tree, names);
                None
            }
        }
    }

    /// A read of a fact, and of fields below it.
    fn fact(
        &mut self,
        tree: &'a Tree,
        source: Source,
        name: &str,
        declared: Declared,
        below: &[&str],
    ) -> Option<Found> {
        let place = source_place(name);
        let needs = if declared.always {
            Vec::new()
        } else {
            vec![Need { place: Some(place.clone()), name: name.into(), item: None }]
        };
        let node = self.node(source, name, declared.of_type.clone());
        let mut found = Found { node, of: declared.of_type, name: name.into(), place: Some(place), needs };
        for key in below {
            found = self.field(tree, found, key)?;
        }
        Some(found)
    }

    fn node(&mut self, source: Source, name: &str, of_type: ValueType) -> Node {
        let read = Read { source, name: name.into(), of_type };
        self.reads.insert(Arc::clone(&read.name), read.clone());
        Node::Read(Box::new(read))
    }

    fn property(&mut self, tree: &'a Tree, path: &[&'a str]) -> Option<Found> {
        let mut name = "event.properties".to_owned();
        let mut place = step("event", "properties");
        let mut needs = Vec::new();
        let mut of: Option<ValueType> = None;
        for depth in 1..=path.len() {
            let key = path[depth - 1];
            let declared = match &of {
                // A field of an object is as sure as the object says, once the object is there.
                Some(ValueType::Object(fields)) if fields.contains_key(key) => {
                    fields.get(key).map(|(of, always)| Declared { of_type: of.clone(), always: *always })
                }
                Some(ValueType::Any) => self
                    .scope
                    .property(&path[..depth])
                    .or(Some(Declared { of_type: ValueType::Any, always: false })),
                _ => self.scope.property(&path[..depth]),
            };
            let Some(declared) = declared else {
                self.unknown_property(tree, &name, path, depth, of.as_ref());
                return None;
            };
            name.push_str(&written(key));
            place = step(&place, key);
            if !declared.always {
                needs.push(Need { place: Some(place.clone()), name: name.clone(), item: None });
            }
            of = Some(declared.of_type);
        }
        let of = of?;
        let source = Source::Property(path.iter().map(|&part| part.into()).collect());
        let node = self.node(source, &name, of.clone());
        Some(Found { node, of, name, place: Some(place), needs })
    }

    fn unknown_property(
        &mut self,
        tree: &Tree,
        parent: &str,
        path: &[&str],
        depth: usize,
        of: Option<&ValueType>,
    ) {
        let key = path[depth - 1];
        if let Some(of) = of
            && !matches!(of, ValueType::Object(_))
        {
            let help = match of {
                ValueType::List(_) => {
                    format!("Look through its items: `{parent}.exists(item, item.{key} …)`.")
                }
                _ => String::new(),
            };
            self.mistyped(tree, format!("`{parent}` is {of}; it has no field `{key}`."), help);
            return;
        }
        let siblings: Vec<String> = match of {
            Some(ValueType::Object(fields)) => fields.keys().map(ToString::to_string).collect(),
            _ => self.scope.properties(),
        };
        let full = |name: String| format!("{parent}{}", written(&name));
        let help = match closest(key, siblings.iter().cloned()) {
            Some(name) => format!("Did you mean `{}`?", full(name)),
            None => listed(siblings.iter().map(String::as_str)),
        };
        let message = format!("`{}` is not declared.", full(key.to_owned()));
        self.fault(tree, "unknown_name", message, help);
    }

    fn undeclared(&mut self, tree: &Tree, what: &str, root: &str, key: &str, kind: Kind) -> Option<Found> {
        let names = self.scope.names(kind);
        let help = match closest(key, names.iter().cloned()) {
            Some(name) => format!("Did you mean `{root}.{name}`?"),
            None => match self.elsewhere(key) {
                Some(path) => format!("Did you mean `{path}`?"),
                None if names.is_empty() => format!("No {what} is declared yet: add `{kind}/{key}`."),
                None => listed(names.iter().map(String::as_str)),
            },
        };
        self.fault(tree, "unknown_name", format!("There is no {what} `{key}`."), help);
        None
    }

    /// A path under which a bare name exists.
    fn elsewhere(&self, key: &str) -> Option<String> {
        let scope = self.scope;
        if scope.has_event() && scope.property(&[key]).is_some() {
            Some(format!("event.properties{}", written(key)))
        } else if scope.metric(key).is_some() {
            Some(format!("profile.metrics.{key}"))
        } else if scope.profile_trait(key).is_some() {
            Some(format!("profile.traits.{key}"))
        } else if scope.currency(key) {
            Some(format!("profile.balances.{key}"))
        } else if scope.constant(key).is_some() {
            Some(format!("constants.{key}"))
        } else if scope.audience(key) {
            Some(format!("in_audience('{key}')"))
        } else {
            None
        }
    }

    fn unknown_root(&mut self, tree: &Tree, names: &[&str]) {
        let name = names.join(".");
        let last = names.last().copied().unwrap_or_default();
        let whole = match names {
            ["event"] => Some("Name a part of it: `event.name`, `event.timestamp`, `event.properties.…`."),
            ["event", "properties"] => Some("Name one: `event.properties.total`."),
            ["profile"] => {
                Some("Name a part of it: `profile.traits.…`, `profile.metrics.…`, `profile.balances.…`.")
            }
            ["profile", "traits" | "metrics" | "balances"] | ["constants"] => {
                Some("Name one of them after a dot.")
            }
            _ => None,
        };
        if let Some(help) = whole {
            self.mistyped(tree, format!("`{name}` is not a value by itself."), help);
            return;
        }
        let help = match names {
            ["now" | "today", ..] => Some("There is no clock: use `event.timestamp`.".to_owned()),
            ["optional", ..] => {
                Some("Optional values are not part of this language: test with has() first.".to_owned())
            }
            ["math", ..] => Some("There are `math.greatest(a, b)` and `math.least(a, b)`.".to_owned()),
            ["properties", ..] => Some(format!("Did you mean `event.{name}`?")),
            ["traits" | "metrics" | "balances", ..] => Some(format!("Did you mean `profile.{name}`?")),
            ["event", _, ..] => {
                self.elsewhere(last).map(|path| format!("Did you mean `{path}`?")).or_else(|| {
                    did_you_mean(
                        names[1],
                        ["name", "timestamp", "properties"].map(|part| format!("event.{part}")),
                    )
                })
            }
            ["profile", part, ..] => {
                self.elsewhere(last).map(|path| format!("Did you mean `{path}`?")).or_else(|| {
                    closest(part, ["traits", "metrics", "balances"].map(String::from))
                        .map(|root| format!("Did you mean `profile.{root}`?"))
                })
            }
            [root, ..] => self
                .elsewhere(root)
                .or_else(|| closest(root, ["event", "profile", "constants"].map(String::from)))
                .or_else(|| {
                    closest(root, self.locals.iter().map(|local| local.name.clone()).collect::<Vec<_>>())
                })
                .or_else(|| {
                    closest(root, self.scope.properties())
                        .map(|name| format!("event.properties{}", written(&name)))
                })
                .map(|path| format!("Did you mean `{path}`?")),
            [] => None,
        };
        let help = help.unwrap_or_else(|| {
            "Names begin with `event`, `profile` or `constants`; texts stand between quotes: 'text'."
                .to_owned()
        });
        self.fault(tree, "unknown_name", format!("`{name}` is not known."), help);
    }
}

const fn known_as(of_type: ValueType) -> Declared {
    Declared { of_type, always: true }
}

/// The place of a fact with a plain dotted name.
fn source_place(name: &str) -> String {
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |place, part| step(&place, part))
}

/// A step of a path, as it is written: `.total`, or with backticks when it is no plain name.
fn written(key: &str) -> String {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && key.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if plain { format!(".{key}") } else { format!(".`{key}`") }
}

/// `There are a, b and 3 more.`
fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 8;
    let count = names.len();
    let shown: Vec<_> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    match count {
        0 => String::new(),
        _ if count > SHOWN => format!("There are {} and {} more.", shown.join(", "), count - SHOWN),
        _ => format!("There are: {}.", shown.join(", ")),
    }
}
