//! Types a parsed expression and compiles it. Collects all faults; whatever it does not know, it refuses.

mod calls;
mod cost;
mod facts;
mod guards;
mod loops;
mod narrow;
mod operators;
mod paths;
mod suggest;
mod unknown;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cel::{
    common::ast::{Expr, LiteralValue, operators as op},
    parser::Expression as Tree,
};

use self::guards::Known;
use super::{
    Expression, ExpressionFault, Scope, Value, ValueType, evaluate,
    limits::{DEPTH_MAX, FUEL},
    syntax::Parsed,
    tree::{Node, Read},
};
use crate::{Address, Key, Kind};

/// Checks a parsed source and compiles it.
pub(super) fn check(
    source: &Parsed<'_>,
    scope: &dyn Scope,
    expected: Option<&ValueType>,
) -> Result<Expression, Vec<ExpressionFault>> {
    if deeper_than(&source.tree, DEPTH_MAX) {
        return Err(vec![ExpressionFault {
            offset: 0,
            length: source.text.len(),
            code: "cost",
            message: format!("Operations are nested more than {DEPTH_MAX} deep."),
            help: Some("Split the expression: give a part of it a name, as an audience or a metric.".into()),
        }]);
    }
    let mut checker = Checker {
        source,
        scope,
        faults: Vec::new(),
        references: BTreeSet::new(),
        reads: BTreeMap::new(),
        locals: Vec::new(),
        locals_made: 0,
        conditions: Vec::new(),
        unguarded: BTreeSet::new(),
    };
    let typed = checker.expression(&source.tree, &Known::new());
    let typed = typed.and_then(|typed| match expected {
        Some(expected) => checker.fit(&source.tree, typed, expected),
        None => Some(typed),
    });
    if let Some(typed) = &typed {
        let cost = cost::bound(&typed.node);
        if cost > FUEL {
            checker.fault(
                &source.tree,
                "cost",
                format!("This expression could take {cost} steps; at most {FUEL} are allowed."),
                "Put fewer loops (exists, all, filter, map) inside one another, or filter the list first.",
            );
        }
    }
    let mut faults = checker.faults;
    match typed {
        Some(typed) if faults.is_empty() => Ok(Expression {
            source: source.text.into(),
            of_type: typed.of,
            references: checker.references,
            reads: checker.reads.keys().cloned().collect(),
            sources: checker.reads.into_values().collect(),
            root: Arc::new(typed.node),
        }),
        _ => {
            faults.sort_by_key(|fault| (fault.offset, fault.length));
            faults.dedup();
            Err(faults)
        }
    }
}

/// Whether a tree is deeper than so many levels.
fn deeper_than(tree: &Tree, levels: usize) -> bool {
    let Some(levels) = levels.checked_sub(1) else {
        return true;
    };
    let deeper = |tree: &Tree| deeper_than(tree, levels);
    match &tree.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).any(deeper),
        Expr::Select(select) => deeper(&select.operand),
        Expr::List(list) => list.elements.iter().any(deeper),
        Expr::Comprehension(each) => [&each.iter_range, &each.loop_step].into_iter().any(deeper),
        _ => false,
    }
}

/// A checked part.
struct Typed {
    node: Node,
    of: ValueType,
    /// An int written out, which may also stand for a double.
    literal: bool,
}

impl Typed {
    const fn new(node: Node, of: ValueType) -> Self {
        Self { node, of, literal: false }
    }

    const fn is_null(&self) -> bool {
        matches!(self.node, Node::Constant(Value::Null))
    }

    /// A literal `[]`, which fits every list.
    fn is_empty_list(&self) -> bool {
        matches!(&self.node, Node::Constant(Value::List(items)) if items.is_empty())
    }

    /// An int literal as the double it stands for.
    #[allow(clippy::cast_precision_loss)] // bounded below 2^53 here
    fn into_double(self) -> Self {
        match self.node {
            Node::Constant(Value::Int(whole)) if self.literal && whole.unsigned_abs() < 1 << 53 => {
                Self::new(Node::Constant(Value::Double(whole as f64)), ValueType::Decimal)
            }
            _ => self,
        }
    }
}

/// The variable of a loop.
struct Local {
    name: String,
    /// Tells it from other variables of the same name.
    id: usize,
    of: ValueType,
}

struct Checker<'a> {
    source: &'a Parsed<'a>,
    scope: &'a dyn Scope,
    faults: Vec<ExpressionFault>,
    references: BTreeSet<Address>,
    reads: BTreeMap<Arc<str>, Read>,
    locals: Vec<Local>,
    locals_made: usize,
    /// The conditions that are being checked, outermost first; helps show where a guard would go.
    conditions: Vec<&'a Tree>,
    /// What has been reported as unguarded, once each.
    unguarded: BTreeSet<String>,
}

impl<'a> Checker<'a> {
    fn fault(&mut self, at: &Tree, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        let (offset, length) = self.source.span(at);
        let help = help.into();
        self.faults.push(ExpressionFault {
            offset,
            length,
            code,
            message: message.into(),
            help: (!help.is_empty()).then_some(help),
        });
    }

    fn mistyped(&mut self, at: &Tree, message: impl Into<String>, help: impl Into<String>) {
        self.fault(at, "expression_type", message, help);
    }

    fn refer(&mut self, kind: Kind, key: &str) {
        if let Ok(key) = Key::new(key) {
            self.references.insert(Address::new(kind, key));
        }
    }

    /// Checks a part. `None` when it has a fault, which is then reported.
    fn expression(&mut self, tree: &'a Tree, known: &Known) -> Option<Typed> {
        let typed = self.dispatch(tree, known);
        typed.and_then(|typed| self.fold(tree, typed))
    }

    fn dispatch(&mut self, tree: &'a Tree, known: &Known) -> Option<Typed> {
        match &tree.expr {
            Expr::Literal(literal) => self.literal(tree, literal),
            Expr::Select(select) if select.test => self.has(tree, known),
            Expr::Ident(_) | Expr::Select(_) => self.read(tree, known),
            Expr::List(list) => self.list(&list.elements, known),
            Expr::Comprehension(each) => self.comprehension(tree, each, known),
            Expr::Call(call) if call.func_name == op::INDEX => self.read(tree, known),
            Expr::Call(call) => self.call(tree, call, known),
            Expr::Map(_) | Expr::Struct(_) => {
                self.mistyped(
                    tree,
                    "Objects cannot be written in expressions.",
                    "Give one value; fields are named outside of the expression.",
                );
                None
            }
            Expr::Unspecified => {
                self.fault(tree, "expression_syntax", "This cannot be read.", "");
                None
            }
        }
    }

    fn literal(&mut self, tree: &Tree, literal: &LiteralValue) -> Option<Typed> {
        let (value, of) = match literal {
            LiteralValue::Boolean(b) => (Value::Bool(*b.inner()), ValueType::Bool),
            LiteralValue::Int(i) => {
                let node = Node::Constant(Value::Int(*i.inner()));
                return Some(Typed { node, of: ValueType::Int, literal: true });
            }
            LiteralValue::Double(d) if d.inner().is_finite() => {
                (Value::Double(*d.inner()), ValueType::Decimal)
            }
            LiteralValue::Double(_) => {
                self.mistyped(tree, "This number is too big.", "");
                return None;
            }
            LiteralValue::String(s) => (Value::String(s.inner().into()), ValueType::String),
            LiteralValue::Null => (Value::Null, ValueType::Any),
            LiteralValue::UInt(_) => {
                self.mistyped(tree, "Unsigned numbers are not used here.", "Take the `u` away.");
                return None;
            }
            LiteralValue::Bytes(_) => {
                self.mistyped(tree, "Raw bytes cannot be used here.", "Write a text: 'like this'.");
                return None;
            }
        };
        Some(Typed::new(Node::Constant(value), of))
    }

    fn list(&mut self, elements: &'a [Tree], known: &Known) -> Option<Typed> {
        let items: Vec<_> = elements.iter().map(|element| self.expression(element, known)).collect();
        let mut items = items.into_iter().collect::<Option<Vec<_>>>()?;
        if items.iter().any(|item| item.of == ValueType::Decimal) {
            items = items.into_iter().map(Typed::into_double).collect();
        }
        let mut of: Option<ValueType> = None;
        for (item, element) in items.iter().zip(elements) {
            match &of {
                None => of = Some(item.of.clone()),
                Some(first) if *first == item.of => {}
                Some(first) => {
                    let message = format!(
                        "This list begins with {first}, but `{}` is {}.",
                        self.source.slice(element),
                        item.of
                    );
                    self.mistyped(element, message, "All items of a list are of one type.");
                    return None;
                }
            }
        }
        let of = ValueType::List(Box::new(of.unwrap_or(ValueType::Any)));
        Some(Typed::new(Node::List(items.into_iter().map(|item| item.node).collect()), of))
    }

    /// Works out what depends on nothing.
    fn fold(&mut self, tree: &Tree, typed: Typed) -> Option<Typed> {
        if !evaluate::is_constant(&typed.node) {
            return Some(typed);
        }
        match evaluate::constant(&typed.node) {
            Ok(value) => Some(Typed { node: Node::Constant(value), ..typed }),
            Err(reason) => {
                self.mistyped(tree, format!("This never gives a value: {reason}."), "");
                None
            }
        }
    }

    /// Brings the whole to the type that is wanted.
    fn fit(&mut self, tree: &Tree, typed: Typed, expected: &ValueType) -> Option<Typed> {
        let typed = if *expected == ValueType::Decimal { typed.into_double() } else { typed };
        if accepts(expected, &typed.of) || (typed.is_empty_list() && matches!(expected, ValueType::List(_))) {
            return Some(typed);
        }
        if (expected, &typed.of) == (&ValueType::Decimal, &ValueType::Int) {
            let node = Node::Call(super::tree::Function::DoubleOf, Box::new([typed.node]));
            return Some(Typed::new(node, ValueType::Decimal));
        }
        let help = match (expected, &typed.of) {
            (ValueType::Bool, ValueType::Any) => {
                "Declare the field's type in the event type's schema, or compare it: `… == true`.".to_owned()
            }
            (_, ValueType::Any) => "Declare the field's type in the event type's schema.".to_owned(),
            (ValueType::Bool, ValueType::Int | ValueType::Decimal) => {
                format!("Compare it with something: `{} > 0`.", self.source.text.trim())
            }
            (ValueType::Bool, _) => "Compare it with something: `… == …`.".to_owned(),
            (ValueType::Int, ValueType::Decimal) => "Write int(…) around it to drop the fraction.".to_owned(),
            (ValueType::String, _) => "Write string(…) around it.".to_owned(),
            _ => String::new(),
        };
        self.mistyped(tree, format!("This gives {}, but {expected} is wanted here.", typed.of), help);
        None
    }
}

/// Whether a value of one type can stand where another is wanted.
fn accepts(expected: &ValueType, actual: &ValueType) -> bool {
    match (expected, actual) {
        (ValueType::Any, _) => true,
        (ValueType::List(a), ValueType::List(b)) => accepts(a, b),
        (ValueType::Object(wanted), ValueType::Object(given)) => {
            wanted.iter().all(|(key, (of, always))| match given.get(key) {
                Some((given, given_always)) => accepts(of, given) && (!always || *given_always),
                None => !always,
            })
        }
        (a, b) => a == b,
    }
}
