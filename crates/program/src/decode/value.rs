//! CEL or literal: where a value may be either, a text is a CEL expression and any other scalar a literal.

use super::{Reader, View};
use crate::{
    check::ExpressionScope,
    document::{
        number,
        tree::{Text, Tree},
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
        if let Some(literal) = self.literal(expected) {
            let unwritten = Text { value: literal.as_str().into(), written: None };
            return self.checked(reader, scope, expected, &unwritten, &literal);
        }
        match &self.node.tree {
            Tree::String(text) => self.checked(reader, scope, expected, text, &text.value),
            Tree::Refused => None,
            _ => {
                let found = self.node.describe();
                let help = "Write it as a CEL expression in a text, e.g. `\"['a', 'b']\"` for a list.";
                let message =
                    format!("expected a CEL expression, a number, `true` or `false`, found {found}");
                reader.fault(self, "wrong_type", message, help);
                None
            }
        }
    }

    /// A literal as CEL, one form for one value: a text that is a bare number says the same as the number.
    pub(crate) fn literal(&self, expected: Option<&ValueType>) -> Option<String> {
        match &self.node.tree {
            Tree::Bool(value) => Some(value.to_string()),
            Tree::Number(number) => Some(literal_number(number, expected)),
            Tree::String(text) => {
                let text = text.value.trim();
                let is_json = serde_json::from_str::<serde_json::Number>(text).is_ok();
                // Only CEL's own type rules apply here: `5.0` in a text is no int.
                let whole_for_decimal = expected.filter(|expected| **expected == ValueType::Decimal);
                is_json
                    .then(|| number::normal(text).ok())
                    .flatten()
                    .map(|number| literal_number(&number, whole_for_decimal))
            }
            _ => None,
        }
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
            Err(faults) => {
                for fault in faults {
                    let ExpressionFault { offset, code, message, help, .. } = fault;
                    // Something it stands on is faulty itself, and has been reported. A name that nothing declares is
                    // wrong whatever becomes of that; of which type things are may follow from it, and is noise.
                    if scope.met_faulty() && code != "unknown_name" {
                        continue;
                    }
                    let at = reader.place_in(text, self.node.at, before + offset);
                    reader.fault_at(
                        at,
                        &self.pointer,
                        code,
                        mid_sentence(&message),
                        help.unwrap_or_default(),
                    );
                }
                None
            }
        }
    }
}

/// A fault's message stands after a colon: no capital, no full stop.
fn mid_sentence(message: &str) -> String {
    let text = message.strip_suffix('.').unwrap_or(message);
    let mut rest = text.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => text.to_owned(),
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
