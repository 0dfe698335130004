//! CEL or literal: where a value may be either, a text is a CEL expression and any other scalar a literal.

use super::{Reader, View};
use crate::{
    check::ExpressionScope,
    document::{
        number,
        tree::{Node, Text, Tree},
    },
    expression::{self, Expression, ExpressionFault, ValueType},
};

impl View<'_> {
    /// A CEL expression of the expected type.
    pub(crate) fn expression(
        &self,
        reader: &Reader<'_>,
        scope: &ExpressionScope<'_>,
        expected: Option<&ValueType>,
    ) -> Option<Expression> {
        if let Tree::String(text) = &self.node.tree {
            return self.checked(reader, scope, expected, text, &text.value);
        }
        let found = self.node.describe();
        if !matches!(self.node.tree, Tree::Refused) {
            let help = match self.node.tree {
                Tree::Bool(_) => "Leave the field out to let everything pass, or quote it.",
                _ => "Write the expression as text.",
            };
            reader.fault(self, "wrong_type", format!("expected a CEL expression, found {found}"), help);
        }
        None
    }

    /// A CEL expression (any text) or a literal (a number, true, false).
    pub(crate) fn value(
        &self,
        reader: &Reader<'_>,
        scope: &ExpressionScope<'_>,
        expected: Option<&ValueType>,
    ) -> Option<Expression> {
        let literal = match &self.node.tree {
            Tree::String(text) => return self.checked(reader, scope, expected, text, &text.value),
            Tree::Bool(value) => value.to_string(),
            Tree::Number(number) => literal_number(number, expected),
            Tree::Refused => return None,
            Tree::Null | Tree::List(_) | Tree::Map(_) => {
                reader.fault(
                    self,
                    "wrong_type",
                    format!(
                        "expected a CEL expression or a literal number, `true` or `false`, found {}",
                        self.node.describe()
                    ),
                    "Write it as a CEL expression in a text, e.g. `\"['a', 'b']\"` for a list.",
                );
                return None;
            }
        };
        let unwritten = Text { value: literal.as_str().into(), written: None };
        self.checked(reader, scope, expected, &unwritten, &literal)
    }

    fn checked(
        &self,
        reader: &Reader<'_>,
        scope: &ExpressionScope<'_>,
        expected: Option<&ValueType>,
        text: &Text,
        whole: &str,
    ) -> Option<Expression> {
        let source = whole.trim();
        if source.is_empty() {
            reader.fault(self, "expression_syntax", "this expression is empty", "Write a CEL expression.");
            return None;
        }
        let before = whole.len() - whole.trim_start().len();
        match expression::check(source, scope, expected) {
            Ok(expression) => Some(expression),
            // What it stands on is faulty itself and has been reported; what follows from that is noise.
            Err(_) if scope.met_faulty() => None,
            Err(faults) => {
                for fault in faults {
                    let ExpressionFault { offset, code, message, help, .. } = fault;
                    let at = reader.place_in(text, self.node.at, before + offset);
                    reader.fault_at(at, &self.pointer, code, message, help.unwrap_or_default());
                }
                None
            }
        }
    }
}

/// A literal number as CEL: a whole number stays an int unless a decimal is expected.
fn literal_number(text: &str, expected: Option<&ValueType>) -> String {
    let fractional = text.contains(['.', 'e']);
    match expected {
        Some(ValueType::Decimal) if !fractional => format!("{text}.0"),
        Some(ValueType::Int) => number::amount(text).unwrap_or_else(|_| text.to_owned()),
        _ => text.to_owned(),
    }
}

/// The literal that a CEL source is, in the form documents write it; `None` when it is more than that.
pub(crate) fn literal_of(source: &str) -> Option<serde_json::Value> {
    match source {
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        number if number::is_number(number) && number::normal(number).as_deref() == Ok(number) => {
            Some(number::to_json(number))
        }
        _ => None,
    }
}

/// Whether a node is written as a literal rather than as an expression.
pub(crate) fn is_literal(node: &Node) -> bool {
    matches!(node.tree, Tree::Bool(_) | Tree::Number(_))
}
