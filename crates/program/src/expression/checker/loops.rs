//! `exists`, `all`, `exists_one`, `filter` and `map`, which the parser has written out as loops.

use cel::{
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators as op},
    parser::Expression as Tree,
};

use super::{Checker, Local, Typed, guards::Known, narrow};
use crate::expression::{
    ValueType,
    limits::LOOPS_MAX,
    tree::{Loop, LoopKind, Node},
};

/// A loop as it was written, before the parser wrote it out.
struct Written<'a> {
    kind: LoopKind,
    test: Option<&'a Tree>,
    body: &'a Tree,
}

impl<'a> Checker<'a> {
    pub(super) fn comprehension(
        &mut self,
        tree: &'a Tree,
        each: &'a ComprehensionExpr,
        known: &Known,
    ) -> Option<Typed> {
        let Some(written) = recognise(each) else {
            self.mistyped(
                tree,
                "This kind of loop is not known.",
                "There are exists, all, exists_one, filter and map.",
            );
            return None;
        };
        let over = self.expression(&each.iter_range, known)?;
        let ValueType::List(of) = &over.of else {
            let text = self.source.slice(&each.iter_range);
            let help = match over.of {
                ValueType::Any => format!("Declare `{text}` as an array in the event type's schema."),
                ValueType::Object(_) => "Name the fields that you want to look at.".to_owned(),
                _ => String::new(),
            };
            self.mistyped(
                &each.iter_range,
                format!("Only lists can be looked through; `{text}` is {}.", over.of),
                help,
            );
            return None;
        };
        if matches!(each.iter_var.as_str(), "event" | "profile" | "constants" | "math") {
            let message = format!("`{}` already means something else.", each.iter_var);
            self.fault(
                tree,
                "expression_syntax",
                message,
                "Give the items of the list another name, such as `item`.",
            );
            return None;
        }
        let depth = self.locals.len();
        if depth >= LOOPS_MAX {
            self.fault(
                tree,
                "cost",
                format!("Loops stand inside one another more than {LOOPS_MAX} deep."),
                "Put fewer of exists, all, filter and map inside one another.",
            );
            return None;
        }
        self.locals_made += 1;
        self.locals.push(Local { name: each.iter_var.clone(), id: self.locals_made, of: (**of).clone() });
        let inside = self.inside(&written, known);
        self.locals.pop();
        let (test, body) = inside?;
        let of = match written.kind {
            LoopKind::Filter => over.of,
            LoopKind::Map => ValueType::List(Box::new(body.of)),
            LoopKind::Exists | LoopKind::All | LoopKind::ExistsOne => ValueType::Bool,
        };
        let mut node = Loop { kind: written.kind, over: over.node, depth, test, body: body.node };
        narrow::by_loop(&mut node);
        Some(Typed::new(Node::Loop(Box::new(node)), of))
    }

    fn inside(&mut self, written: &Written<'a>, known: &Known) -> Option<(Option<Node>, Typed)> {
        if written.kind != LoopKind::Map {
            let node = self.condition(written.body, known)?;
            return Some((None, Typed::new(node, ValueType::Bool)));
        }
        let Some(test) = written.test else {
            return Some((None, self.expression(written.body, known)?));
        };
        let node = self.condition(test, known);
        let mut beyond = self.implied(test, true);
        beyond.extend(known.iter().cloned());
        let body = self.expression(written.body, &beyond)?;
        Some((Some(node?), body))
    }
}

/// Undoes the parser's writing out.
fn recognise(each: &ComprehensionExpr) -> Option<Written<'_>> {
    if each.iter_var2.is_some() {
        return None;
    }
    let step = called(&each.loop_step)?;
    let written = |kind, body| Some(Written { kind, test: None, body });
    match (&each.accu_init.expr, step.func_name.as_str(), step.args.as_slice()) {
        (Expr::Literal(LiteralValue::Boolean(_)), op::LOGICAL_OR, [_, body]) => {
            written(LoopKind::Exists, body)
        }
        (Expr::Literal(LiteralValue::Boolean(_)), op::LOGICAL_AND, [_, body]) => written(LoopKind::All, body),
        (Expr::Literal(LiteralValue::Int(_)), op::CONDITIONAL, [body, _, _]) => {
            written(LoopKind::ExistsOne, body)
        }
        (Expr::List(_), op::ADD, [_, item]) => written(LoopKind::Map, only(item)?),
        (Expr::List(_), op::CONDITIONAL, [test, add, _]) => {
            let item = only(called(add)?.args.get(1)?)?;
            // filter(x, p) is written out as map(x, p, x) is.
            match &item.expr {
                Expr::Ident(name) if *name == each.iter_var => written(LoopKind::Filter, test),
                _ => Some(Written { kind: LoopKind::Map, test: Some(test), body: item }),
            }
        }
        _ => None,
    }
}

fn called(tree: &Tree) -> Option<&CallExpr> {
    match &tree.expr {
        Expr::Call(call) => Some(call),
        _ => None,
    }
}

fn only(tree: &Tree) -> Option<&Tree> {
    match &tree.expr {
        Expr::List(list) => match list.elements.as_slice() {
            [item] => Some(item),
            _ => None,
        },
        _ => None,
    }
}
