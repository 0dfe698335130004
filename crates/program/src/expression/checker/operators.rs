//! Logic, comparison and arithmetic: which operands go together.

use cel::{
    common::ast::{Expr, LiteralValue, operators as op},
    parser::Expression as Tree,
};

use super::{Checker, Typed, guards::Known};
use crate::expression::{
    Value, ValueType,
    tree::{Comparison, Math, Node},
};

impl<'a> Checker<'a> {
    /// A call of an operator.
    pub(super) fn operator(
        &mut self,
        tree: &'a Tree,
        name: &str,
        args: &'a [Tree],
        known: &Known,
    ) -> Option<Typed> {
        match (name, args) {
            (op::LOGICAL_AND, [a, b]) => self.logic(a, b, known, true),
            (op::LOGICAL_OR, [a, b]) => self.logic(a, b, known, false),
            (op::LOGICAL_NOT, [of]) => {
                self.condition(of, known).map(|node| bool_of(Node::Not(Box::new(node))))
            }
            (op::CONDITIONAL, [condition, then, otherwise]) => {
                self.choice(tree, condition, then, otherwise, known)
            }
            (op::NEGATE, [of]) => self.negation(of, known),
            (op::IN, [item, list]) => self.membership(tree, item, list, known),
            (_, [a, b]) => match (comparison(name), symbol(name)) {
                (Some(comparison), _) => self.comparison(tree, comparison, a, b, known),
                (None, Some(symbol)) => self.arithmetic(tree, symbol, a, b, known),
                (None, None) => None,
            },
            _ => None,
        }
    }

    /// A part that must be true or false.
    pub(super) fn condition(&mut self, tree: &'a Tree, known: &Known) -> Option<Node> {
        self.conditions.push(tree);
        let typed = self.expression(tree, known);
        self.conditions.pop();
        let typed = typed?;
        if typed.of == ValueType::Bool {
            return Some(typed.node);
        }
        let text = self.source.slice(tree);
        let help = match &typed.of {
            ValueType::Int | ValueType::Decimal => format!("Compare it with something: `{text} > 0`."),
            ValueType::String => format!("Compare it with something: `{text} == '…'`."),
            ValueType::List(_) => format!("Ask for its size: `size({text}) > 0`."),
            _ => "Compare it with something, or test for it with has().".to_owned(),
        };
        let message = format!("`{text}` is {}, but a condition must be true or false.", typed.of);
        self.mistyped(tree, message, help);
        None
    }

    fn logic(&mut self, a: &'a Tree, b: &'a Tree, known: &Known, and: bool) -> Option<Typed> {
        let left = self.condition(a, known);
        let mut beyond = self.implied(a, and);
        let right = if beyond.is_empty() {
            self.condition(b, known)
        } else {
            beyond.extend(known.iter().cloned());
            self.condition(b, &beyond)
        };
        let pair = Box::new([left?, right?]);
        Some(bool_of(if and { Node::And(pair) } else { Node::Or(pair) }))
    }

    fn choice(
        &mut self,
        tree: &'a Tree,
        condition: &'a Tree,
        then: &'a Tree,
        otherwise: &'a Tree,
        known: &Known,
    ) -> Option<Typed> {
        let test = self.condition(condition, known);
        let branch = |checker: &mut Self, branch: &'a Tree, truth: bool| {
            let mut beyond = checker.implied(condition, truth);
            beyond.extend(known.iter().cloned());
            checker.expression(branch, &beyond)
        };
        let (one, other) = (branch(self, then, true), branch(self, otherwise, false));
        let (test, one, other) = (test?, one?, other?);
        let (one, other) = self.alike(tree, "The two outcomes", one, other)?;
        let of = if one.is_empty_list() { other.of } else { one.of };
        Some(Typed::new(Node::Choose(Box::new([test, one.node, other.node])), of))
    }

    /// Two values that must be of one type.
    pub(super) fn alike(
        &mut self,
        tree: &'a Tree,
        what: &str,
        one: Typed,
        other: Typed,
    ) -> Option<(Typed, Typed)> {
        let (one, other) = doubles(one, other);
        let lists = matches!((&one.of, &other.of), (ValueType::List(_), ValueType::List(_)));
        if one.of == other.of || (lists && (one.is_empty_list() || other.is_empty_list())) {
            return Some((one, other));
        }
        let help = if one.of.is_number() && other.of.is_number() {
            "Write double(…) around the whole number."
        } else if one.is_null() || other.is_null() {
            "There is no null here; give a value of the same type, such as '' or 0."
        } else {
            "Give values of one type."
        };
        self.mistyped(tree, format!("{what} differ in type: {} and {}.", one.of, other.of), help);
        None
    }

    fn negation(&mut self, of: &'a Tree, known: &Known) -> Option<Typed> {
        let typed = self.expression(of, known)?;
        if typed.of.is_number() {
            return Some(Typed { node: Node::Negate(Box::new(typed.node)), ..typed });
        }
        let help = if typed.of == ValueType::Bool { "To turn a condition round, write `!`." } else { "" };
        self.mistyped(
            of,
            format!("`-` goes before numbers; `{}` is {}.", self.source.slice(of), typed.of),
            help,
        );
        None
    }

    fn comparison(
        &mut self,
        tree: &'a Tree,
        comparison: Comparison,
        a: &'a Tree,
        b: &'a Tree,
        known: &Known,
    ) -> Option<Typed> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if equality && let Some(path) = beside_null(a, b) {
            // Said before it is asked for a guard, which is what the author was after.
            let of = self.type_of_path(path, known)?;
            if of != ValueType::Any {
                self.never_null(tree, comparison, path, &of);
                return None;
            }
        }
        self.conditions.push(tree);
        let (left, right) = (self.expression(a, known), self.expression(b, known));
        self.conditions.pop();
        let (left, right) = doubles(left?, right?);
        if equality && left.is_null() != right.is_null() {
            let (other, of) = if left.is_null() { (b, &right.of) } else { (a, &left.of) };
            if *of != ValueType::Any {
                self.never_null(tree, comparison, other, of);
                return None;
            }
        }
        if !comparable(&left, &right) {
            let help = self.comparison_help(a, b, &left, &right);
            let message = format!(
                "`{}` is {}, but `{}` is {}; they cannot be compared.",
                self.source.slice(a),
                left.of,
                self.source.slice(b),
                right.of
            );
            self.mistyped(tree, message, help);
            return None;
        }
        let ordered = left.of.is_ordered() && right.of.is_ordered();
        if !(equality || ordered) {
            let message =
                format!("There is no order among values such as `{}` ({}).", self.source.slice(a), left.of);
            self.mistyped(tree, message, "Compare them with `==` or `!=`, or compare their size().");
            return None;
        }
        Some(bool_of(Node::Compare(comparison, Box::new([left.node, right.node]))))
    }

    fn never_null(&mut self, tree: &Tree, comparison: Comparison, of: &Tree, of_type: &ValueType) {
        let text = self.source.slice(of);
        let sign = if comparison == Comparison::Equal { "!" } else { "" };
        let help = format!("To test whether it is there, write `{sign}has({text})`.");
        self.mistyped(tree, format!("`{text}` is {of_type}, and never null."), help);
    }

    fn comparison_help(&self, a: &Tree, b: &Tree, left: &Typed, right: &Typed) -> String {
        let pairs = [(a, left, right), (b, right, left)];
        pairs
            .into_iter()
            .find_map(|(tree, one, other)| {
                let text = self.source.slice(tree);
                match (&one.of, &other.of, &one.node) {
                    (
                        ValueType::String,
                        ValueType::Int | ValueType::Decimal,
                        Node::Constant(Value::String(number)),
                    ) if number.parse::<f64>().is_ok() => Some(format!("Write {number} without quotes.")),
                    (ValueType::String, ValueType::Int, _) => Some(format!("Write int({text}).")),
                    (ValueType::String, ValueType::Decimal, _) => Some(format!("Write double({text}).")),
                    (ValueType::String, ValueType::Bool, Node::Constant(_)) => {
                        Some("Write true or false without quotes.".into())
                    }
                    (ValueType::String, ValueType::Timestamp, _) => Some(format!("Write timestamp({text}).")),
                    (ValueType::String, ValueType::Duration, _) => Some(format!("Write duration({text}).")),
                    (ValueType::Int, ValueType::Duration, _) => {
                        Some(format!("Say of what: `days({text})`, `hours({text})`, `minutes({text})`."))
                    }
                    (ValueType::Int, ValueType::String, Node::Constant(_)) => {
                        Some(format!("Write '{text}' between quotes."))
                    }
                    (item, ValueType::List(of), _) if **of == *item => {
                        Some("To look for it in the list, write `in`.".into())
                    }
                    _ => None,
                }
            })
            .unwrap_or_else(|| "Compare values of one type.".to_owned())
    }

    fn membership(&mut self, tree: &'a Tree, item: &'a Tree, list: &'a Tree, known: &Known) -> Option<Typed> {
        self.conditions.push(tree);
        let (one, all) = (self.expression(item, known), self.expression(list, known));
        self.conditions.pop();
        let (one, all) = (one?, all?);
        let ValueType::List(of) = &all.of else {
            let text = self.source.slice(list);
            let help = match all.of {
                ValueType::String => format!(
                    "To look for a text in a text, write `{text}.contains({})`.",
                    self.source.slice(item)
                ),
                ValueType::Object(_) => format!("To test for a field, write `has({text}.…)`."),
                _ => format!("Write the values between brackets: `in [{text}]`."),
            };
            self.mistyped(list, format!("`in` looks through a list; `{text}` is {}.", all.of), help);
            return None;
        };
        let fits = *of.as_ref() == one.of
            || (of.is_number() && one.of.is_number())
            || **of == ValueType::Any
            || one.of == ValueType::Any;
        if !fits {
            let message =
                format!("`{}` is {}; it is never found in {}.", self.source.slice(item), one.of, all.of);
            self.mistyped(tree, message, "Look for values of the type that the list holds.");
            return None;
        }
        Some(bool_of(match all.node {
            Node::Constant(Value::List(items))
                if items.len() > 4 && **of == ValueType::String && one.of == ValueType::String =>
            {
                let mut texts: Vec<_> = items
                    .iter()
                    .filter_map(|item| match item {
                        Value::String(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect();
                texts.sort();
                Node::InTexts(Box::new(one.node), texts.into())
            }
            list => Node::In(Box::new([one.node, list])),
        }))
    }

    fn arithmetic(
        &mut self,
        tree: &'a Tree,
        symbol: char,
        a: &'a Tree,
        b: &'a Tree,
        known: &Known,
    ) -> Option<Typed> {
        let (left, right) = (self.expression(a, known), self.expression(b, known));
        let (left, right) = (left?, right?);
        let (left, right) = if symbol == '%' { (left, right) } else { doubles(left, right) };
        if let Some((math, of)) = overload(symbol, &left, &right) {
            return Some(Typed::new(Node::Math(math, Box::new([left.node, right.node])), of));
        }
        let help = self.arithmetic_help(symbol, a, b, &left.of, &right.of);
        let message = format!(
            "`{symbol}` does not go between {} (`{}`) and {} (`{}`).",
            left.of,
            self.source.slice(a),
            right.of,
            self.source.slice(b)
        );
        self.mistyped(tree, message, help);
        None
    }

    fn arithmetic_help(
        &self,
        symbol: char,
        a: &Tree,
        b: &Tree,
        left: &ValueType,
        right: &ValueType,
    ) -> String {
        use ValueType::{Any, Decimal, Duration, Int, String, Timestamp};
        let (one, other) = (self.source.slice(a), self.source.slice(b));
        match (left, right) {
            (Any, _) => format!("Declare the type of `{one}` in the event type's schema."),
            (_, Any) => format!("Declare the type of `{other}` in the event type's schema."),
            (Int | Decimal, Int | Decimal) if symbol == '%' => {
                "A remainder is of whole numbers: drop the fraction with int(…).".to_owned()
            }
            (Int, Decimal) => format!("Write double({one})."),
            (Decimal, Int) => format!("Write double({other})."),
            (String, _) if symbol == '+' => format!("Write string({other})."),
            (_, String) if symbol == '+' => format!("Write string({one})."),
            (Timestamp | Duration, Int) => {
                format!("Say of what: `days({other})`, `hours({other})`, `minutes({other})`.")
            }
            (Duration, _) | (_, Duration) if matches!(symbol, '*' | '/') => {
                "Multiply first: `days(2 * 7)` instead of `2 * days(7)`.".to_owned()
            }
            _ => std::string::String::new(),
        }
    }
}

/// Whether the parser calls an operator so; no function is called like that.
pub(super) fn is_operator(name: &str) -> bool {
    !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

const fn bool_of(node: Node) -> Typed {
    Typed::new(node, ValueType::Bool)
}

/// The path that is compared with null, if one is.
fn beside_null<'a>(a: &'a Tree, b: &'a Tree) -> Option<&'a Tree> {
    let null = |tree: &Tree| matches!(tree.expr, Expr::Literal(LiteralValue::Null));
    let path = |tree: &Tree| matches!(&tree.expr, Expr::Select(select) if !select.test);
    match (null(a), null(b)) {
        (true, false) if path(b) => Some(b),
        (false, true) if path(a) => Some(a),
        _ => None,
    }
}

/// An int literal beside a double is a double.
fn doubles(a: Typed, b: Typed) -> (Typed, Typed) {
    match (&a.of, &b.of) {
        (ValueType::Decimal, ValueType::Int) => (a, b.into_double()),
        (ValueType::Int, ValueType::Decimal) => (a.into_double(), b),
        _ => (a, b),
    }
}

fn comparable(a: &Typed, b: &Typed) -> bool {
    fn types(a: &ValueType, b: &ValueType) -> bool {
        match (a, b) {
            (ValueType::List(a), ValueType::List(b)) => types(a, b),
            (ValueType::Any, _) | (_, ValueType::Any) | (ValueType::Object(_), ValueType::Object(_)) => true,
            (a, b) => a == b || (a.is_number() && b.is_number()),
        }
    }
    types(&a.of, &b.of)
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        op::EQUALS => Comparison::Equal,
        op::NOT_EQUALS => Comparison::NotEqual,
        op::LESS => Comparison::Less,
        op::LESS_EQUALS => Comparison::LessOrEqual,
        op::GREATER => Comparison::Greater,
        op::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn symbol(name: &str) -> Option<char> {
    Some(match name {
        op::ADD => '+',
        op::SUBSTRACT => '-',
        op::MULTIPLY => '*',
        op::DIVIDE => '/',
        op::MODULO => '%',
        _ => return None,
    })
}

/// Which operation a symbol is between two types, and what it gives.
fn overload(symbol: char, left: &Typed, right: &Typed) -> Option<(Math, ValueType)> {
    use ValueType::{Decimal, Duration, Int, List, String, Timestamp};
    Some(match (symbol, &left.of, &right.of) {
        ('+', Int, Int) => (Math::IntAdd, Int),
        ('-', Int, Int) => (Math::IntSubtract, Int),
        ('*', Int, Int) => (Math::IntMultiply, Int),
        ('/', Int, Int) => (Math::IntDivide, Int),
        ('%', Int, Int) => (Math::IntRemainder, Int),
        ('+', Decimal, Decimal) => (Math::DoubleAdd, Decimal),
        ('-', Decimal, Decimal) => (Math::DoubleSubtract, Decimal),
        ('*', Decimal, Decimal) => (Math::DoubleMultiply, Decimal),
        ('/', Decimal, Decimal) => (Math::DoubleDivide, Decimal),
        ('+', String, String) => (Math::TextAdd, String),
        ('+', List(a), List(_)) if left.of == right.of || right.is_empty_list() => {
            (Math::ListAdd, List(a.clone()))
        }
        ('+', List(_), List(b)) if left.is_empty_list() => (Math::ListAdd, List(b.clone())),
        ('+', Timestamp, Duration) | ('+', Duration, Timestamp) => (Math::MomentAddSpan, Timestamp),
        ('-', Timestamp, Duration) => (Math::MomentSubtractSpan, Timestamp),
        ('-', Timestamp, Timestamp) => (Math::MomentSubtractMoment, Duration),
        ('+', Duration, Duration) => (Math::SpanAdd, Duration),
        ('-', Duration, Duration) => (Math::SpanSubtract, Duration),
        _ => return None,
    })
}
