//! What is known to be there when a part is evaluated.
//!
//! A place is the path of a value from a root or a loop's variable. `has(P)` being true proves P and all
//! that P goes through; a list's size proves its first items.

use std::collections::BTreeSet;

use cel::{
    common::ast::{CallExpr, Expr, LiteralValue, operators as op},
    parser::Expression as Tree,
};

use super::Checker;

/// The places known to hold a value.
pub(super) type Known = BTreeSet<String>;

/// Parts the steps of a place; it stands in no name.
const STEP: char = '\0';
/// How many items one comparison of a size may prove.
const ITEMS_MAX: usize = 64;

/// A place one step further.
pub(super) fn step(place: &str, field: &str) -> String {
    format!("{place}{STEP}{field}")
}

/// The place of a list's item.
pub(super) fn item(place: &str, index: usize) -> String {
    format!("{place}{STEP}[{index}]")
}

impl Checker<'_> {
    /// The place that a part reads, if it is one.
    pub(super) fn place(&self, tree: &Tree) -> Option<String> {
        match &tree.expr {
            Expr::Ident(name) => match self.local(name) {
                Some((_, local)) => Some(format!("#{}", local.id)),
                None => Some(name.clone()),
            },
            Expr::Select(select) => Some(step(&self.place(&select.operand)?, &select.field)),
            Expr::Call(CallExpr { func_name, args, .. }) if func_name == op::INDEX => {
                let place = self.place(args.first()?)?;
                match &args.get(1)?.expr {
                    Expr::Literal(LiteralValue::String(field)) => Some(step(&place, field.inner())),
                    Expr::Literal(LiteralValue::Int(index)) => {
                        Some(item(&place, usize::try_from(*index.inner()).ok()?))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What is known besides when a condition has come out as `truth`.
    pub(super) fn implied(&self, tree: &Tree, truth: bool) -> Known {
        match &tree.expr {
            Expr::Select(select) if select.test && truth => {
                self.place(tree).map_or_else(Known::new, prefixes)
            }
            Expr::Call(call) => self.implied_by_call(call, truth),
            _ => Known::new(),
        }
    }

    fn implied_by_call(&self, call: &CallExpr, truth: bool) -> Known {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_NOT, [of]) => self.implied(of, !truth),
            (op::LOGICAL_AND, [a, b]) => join(truth, self.implied(a, truth), self.implied(b, truth)),
            (op::LOGICAL_OR, [a, b]) => join(!truth, self.implied(a, truth), self.implied(b, truth)),
            (op::CONDITIONAL, [condition, then, otherwise]) => {
                let one = join(true, self.implied(condition, true), self.implied(then, truth));
                let other = join(true, self.implied(condition, false), self.implied(otherwise, truth));
                // A branch that is the other truth, written out, is not the one that was taken.
                match (is_literal(then, !truth), is_literal(otherwise, !truth)) {
                    (true, false) => other,
                    (false, true) => one,
                    _ => join(false, one, other),
                }
            }
            (name, [a, b]) => self
                .implied_by_size(name, a, b, truth)
                .or_else(|| self.implied_by_size(mirror(name)?, b, a, truth))
                .unwrap_or_default(),
            _ => Known::new(),
        }
    }

    /// `size(list) > n` and its like.
    fn implied_by_size(&self, name: &str, sized: &Tree, number: &Tree, truth: bool) -> Option<Known> {
        let (Expr::Call(call), Expr::Literal(LiteralValue::Int(n))) = (&sized.expr, &number.expr) else {
            return None;
        };
        if call.func_name != "size" {
            return None;
        }
        let place = self.place(match (call.target.as_deref(), call.args.as_slice()) {
            (Some(target), []) => target,
            (None, [of]) => of,
            _ => return None,
        })?;
        let n = usize::try_from(*n.inner()).ok()?;
        let at_least = match (name, truth) {
            (op::GREATER, true) | (op::LESS_EQUALS, false) => n.checked_add(1)?,
            (op::GREATER_EQUALS | op::EQUALS, true) | (op::LESS | op::NOT_EQUALS, false) => n,
            (op::NOT_EQUALS, true) | (op::EQUALS, false) if n == 0 => 1,
            _ => return None,
        };
        Some((0..at_least.min(ITEMS_MAX)).map(|index| item(&place, index)).collect())
    }
}

fn is_literal(tree: &Tree, truth: bool) -> bool {
    matches!(&tree.expr, Expr::Literal(LiteralValue::Boolean(literal)) if *literal.inner() == truth)
}

/// Both sides hold, or only one is known to.
fn join(both: bool, mut a: Known, mut b: Known) -> Known {
    if both {
        a.append(&mut b);
    } else {
        a.retain(|place| b.contains(place));
    }
    a
}

fn prefixes(place: String) -> Known {
    let mut known: Known = place.match_indices(STEP).map(|(end, _)| place[..end].to_owned()).collect();
    known.insert(place);
    known
}

/// The comparison that says the same with its sides changed over.
fn mirror(name: &str) -> Option<&'static str> {
    Some(match name {
        op::GREATER => op::LESS,
        op::LESS => op::GREATER,
        op::GREATER_EQUALS => op::LESS_EQUALS,
        op::LESS_EQUALS => op::GREATER_EQUALS,
        op::EQUALS => op::EQUALS,
        op::NOT_EQUALS => op::NOT_EQUALS,
        _ => return None,
    })
}
