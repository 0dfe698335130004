//! Functions: which there are, what they take, what they give.

use cel::{
    common::ast::{CallExpr, Expr, LiteralValue},
    parser::Expression as Tree,
};
use regex::RegexBuilder;

use super::{
    Checker, Typed,
    guards::Known,
    narrow,
    operators::is_operator,
    suggest::{closest, did_you_mean},
};
use crate::{
    Kind,
    expression::{
        Value, ValueType,
        limits::PATTERN_BYTES_MAX,
        tree::{Function, Node, Part, Read, Source},
    },
};

/// What there is, for did-you-mean.
const FUNCTIONS: [&str; 19] = [
    "in_audience",
    "days",
    "hours",
    "minutes",
    "duration",
    "timestamp",
    "size",
    "int",
    "double",
    "string",
    "has",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "lowerAscii",
    "upperAscii",
    "math.greatest",
    "math.least",
];
/// Parts of moments and spans.
const PARTS: [(&str, Part); 10] = [
    ("getFullYear", Part::FullYear),
    ("getMonth", Part::Month),
    ("getDayOfMonth", Part::DayOfMonth),
    ("getDate", Part::Date),
    ("getDayOfWeek", Part::DayOfWeek),
    ("getDayOfYear", Part::DayOfYear),
    ("getHours", Part::Hours),
    ("getMinutes", Part::Minutes),
    ("getSeconds", Part::Seconds),
    ("getMilliseconds", Part::Milliseconds),
];
const LOOPS: [&str; 5] = ["exists", "all", "exists_one", "filter", "map"];

impl<'a> Checker<'a> {
    pub(super) fn call(&mut self, tree: &'a Tree, call: &'a CallExpr, known: &Known) -> Option<Typed> {
        if is_operator(&call.func_name) {
            return self.operator(tree, &call.func_name, &call.args, known);
        }
        let name = call.func_name.as_str();
        match (call.target.as_deref(), call.args.as_slice()) {
            (None, [key]) if name == "in_audience" => self.in_audience(key),
            (None, [of]) => self.global(tree, name, of, known),
            (Some(target), args) if is_name(target, "math") && matches!(name, "greatest" | "least") => {
                self.extreme(tree, name, args, known)
            }
            (Some(target), args) => self.method(tree, name, target, args, known),
            _ => self.unknown_function(tree, call, known),
        }
    }

    fn in_audience(&mut self, key: &'a Tree) -> Option<Typed> {
        let Expr::Literal(LiteralValue::String(literal)) = &key.expr else {
            self.mistyped(
                key,
                "in_audience() wants an audience's key, written out.",
                "Write it like this: `in_audience('big_spenders')`.",
            );
            return None;
        };
        let key_text = literal.inner();
        if !self.scope.audience(key_text) {
            let names = self.scope.names(Kind::Audience);
            let help = closest(key_text, names).map_or_else(
                || format!("Add `audience/{key_text}`, or correct the key."),
                |name| format!("Did you mean `in_audience('{name}')`?"),
            );
            self.fault(key, "unknown_name", format!("There is no audience `{key_text}`."), help);
            return None;
        }
        self.refer(Kind::Audience, key_text);
        let source = Source::Audience(key_text.into());
        let name: std::sync::Arc<str> = format!("in_audience('{key_text}')").into();
        self.reads.insert(name.clone(), Read { source, name, of_type: ValueType::Bool, wanted: None });
        Some(Typed::new(Node::Audience(key_text.into()), ValueType::Bool))
    }

    /// A function of one argument.
    fn global(&mut self, tree: &'a Tree, name: &str, of: &'a Tree, known: &Known) -> Option<Typed> {
        use ValueType::{Bool, Decimal, Duration, Int, List, String, Timestamp};
        let (function, wanted): (Function, &[ValueType]) = match name {
            "days" => (Function::Span(86_400), &[Int]),
            "hours" => (Function::Span(3_600), &[Int]),
            "minutes" => (Function::Span(60), &[Int]),
            "duration" => (Function::DurationOf, &[String, Duration]),
            "timestamp" => (Function::TimestampOf, &[String, Timestamp, Int]),
            "int" => (Function::IntOf, &[Int, Decimal, String, Timestamp]),
            "double" => (Function::DoubleOf, &[Decimal, Int, String]),
            "string" => (Function::StringOf, &[String, Int, Decimal, Bool, Timestamp, Duration]),
            "size" => (Function::Size, &[String]),
            _ => return self.unknown_global(tree, name, of),
        };
        let mut typed = self.expression(of, known)?;
        if function == Function::Size {
            narrow::by_size(&mut typed.node);
        }
        let fits = wanted.contains(&typed.of) || (name == "size" && matches!(typed.of, List(_)));
        if !fits {
            let text = self.source.slice(of);
            let wanted = match name {
                "size" => "a text or a list".to_owned(),
                _ => or_list(wanted),
            };
            let help = match (&typed.of, name) {
                (Decimal, "days" | "hours" | "minutes") => {
                    "Use whole numbers: `hours(36)` instead of `days(1.5)`.".to_owned()
                }
                (ValueType::Any, _) => format!("Declare the type of `{text}` in the event type's schema."),
                _ => std::string::String::new(),
            };
            self.mistyped(of, format!("{name}() wants {wanted}; `{text}` is {}.", typed.of), help);
            return None;
        }
        if let (Function::DurationOf, Node::Constant(Value::String(text))) = (function, &typed.node)
            && let Some(days) = text.strip_suffix('d').filter(|days| days.parse::<i64>().is_ok())
        {
            self.mistyped(
                of,
                format!("`'{text}'` is not a span of time: there are h, m, s and ms."),
                format!("Write days({days})."),
            );
            return None;
        }
        let result = match function {
            Function::Span(_) | Function::DurationOf => Duration,
            Function::TimestampOf => Timestamp,
            Function::DoubleOf => Decimal,
            Function::StringOf => String,
            _ => Int,
        };
        Some(Typed::new(Node::Call(function, Box::new([typed.node])), result))
    }

    fn unknown_global(&mut self, tree: &'a Tree, name: &str, of: &'a Tree) -> Option<Typed> {
        let text = self.source.slice(of);
        let help = match name {
            "has" => Some("has() wants one path: `has(event.properties.coupon)`.".to_owned()),
            "contains" | "startsWith" | "endsWith" | "matches" => {
                Some(format!("Write it after the text: `{text}.{name}(…)`."))
            }
            "lower" | "lowercase" | "toLower" | "lowerAscii" => Some(format!("Write `{text}.lowerAscii()`.")),
            "upper" | "uppercase" | "toUpper" | "upperAscii" => Some(format!("Write `{text}.upperAscii()`.")),
            "len" | "length" | "count" => Some(format!("Write `size({text})`.")),
            "uint" => Some("Use int().".to_owned()),
            "float" | "number" | "decimal" => Some("Use double().".to_owned()),
            "str" | "text" => Some("Use string().".to_owned()),
            "date" => Some("Use timestamp('2024-01-31T00:00:00Z').".to_owned()),
            "seconds" => Some("Use duration('30s').".to_owned()),
            "weeks" => Some("Use days(): a week is `days(7)`.".to_owned()),
            "months" | "years" => Some("Months and years differ in length; use days().".to_owned()),
            "floor" | "trunc" => Some("Use int(), which drops the fraction.".to_owned()),
            _ => None,
        };
        self.unknown(tree, name, help)
    }

    fn unknown_function(&mut self, tree: &'a Tree, call: &'a CallExpr, known: &Known) -> Option<Typed> {
        for arg in &call.args {
            self.expression(arg, known);
        }
        let name = call.func_name.as_str();
        let help = match name {
            "now" | "today" => Some("There is no clock: use `event.timestamp`.".to_owned()),
            "max" | "min" => {
                Some(format!("Use math.{}().", if name == "max" { "greatest" } else { "least" }))
            }
            _ if FUNCTIONS.contains(&name) => Some(format!("{name}() takes one argument.")),
            _ => None,
        };
        self.unknown(tree, name, help)
    }

    fn unknown(&mut self, tree: &Tree, name: &str, help: Option<String>) -> Option<Typed> {
        let help = help
            .or_else(|| {
                did_you_mean(
                    name,
                    FUNCTIONS.into_iter().chain(PARTS.map(|part| part.0)).chain(LOOPS).map(String::from),
                )
            })
            .unwrap_or_else(|| format!("There are: {}.", FUNCTIONS.join(", ")));
        let what = if FUNCTIONS.contains(&name) || LOOPS.contains(&name) {
            "cannot be used like this"
        } else {
            "is not a function"
        };
        self.fault(tree, "unknown_name", format!("`{name}` {what}."), help);
        None
    }

    /// `math.greatest(…)` and `math.least(…)`.
    fn extreme(&mut self, tree: &'a Tree, name: &str, args: &'a [Tree], known: &Known) -> Option<Typed> {
        let args: Vec<_> = args.iter().map(|arg| self.expression(arg, known)).collect();
        let mut args = args.into_iter().collect::<Option<Vec<_>>>()?;
        if args.iter().any(|arg| arg.of == ValueType::Decimal) {
            args = args.into_iter().map(Typed::into_double).collect();
        }
        let of = match args.first().map(|arg| &arg.of) {
            Some(first) if first.is_number() && args.iter().all(|arg| arg.of == *first) => first.clone(),
            _ => {
                let message = format!("math.{name}() wants numbers of one kind.");
                self.mistyped(
                    tree,
                    message,
                    "Write double(…) around whole numbers that stand beside others.",
                );
                return None;
            }
        };
        let function = if name == "greatest" { Function::Greatest } else { Function::Least };
        Some(Typed::new(Node::Call(function, args.into_iter().map(|arg| arg.node).collect()), of))
    }

    fn method(
        &mut self,
        tree: &'a Tree,
        name: &str,
        target: &'a Tree,
        args: &'a [Tree],
        known: &Known,
    ) -> Option<Typed> {
        let text_function = match name {
            "contains" => Some((Function::Contains, ValueType::Bool, 1)),
            "startsWith" => Some((Function::StartsWith, ValueType::Bool, 1)),
            "endsWith" => Some((Function::EndsWith, ValueType::Bool, 1)),
            "lowerAscii" => Some((Function::LowerAscii, ValueType::String, 0)),
            "upperAscii" => Some((Function::UpperAscii, ValueType::String, 0)),
            _ => None,
        };
        if let Some((function, result, count)) = text_function
            && args.len() == count
        {
            self.conditions.push(tree);
            let parts: Vec<_> =
                std::iter::once(target).chain(args).map(|part| self.text(part, name, known)).collect();
            self.conditions.pop();
            let parts = parts.into_iter().collect::<Option<Box<[_]>>>()?;
            return Some(Typed::new(Node::Call(function, parts), result));
        }
        if name == "matches" && args.len() == 1 {
            return self.matches(tree, target, &args[0], known);
        }
        if name == "size" && args.is_empty() {
            return self.global(tree, name, target, known);
        }
        if let Some((_, part)) = PARTS.into_iter().find(|part| part.0 == name) {
            return self.part(part, target, args, known);
        }
        self.unknown_method(tree, name, target, args, known)
    }

    fn text(&mut self, tree: &'a Tree, name: &str, known: &Known) -> Option<Node> {
        let typed = self.expression(tree, known)?;
        if typed.of == ValueType::String {
            return Some(typed.node);
        }
        let text = self.source.slice(tree);
        let help = match &typed.of {
            ValueType::List(_) if name == "contains" => {
                format!("To look for a value in a list, write `… in {text}`.")
            }
            ValueType::Any => format!("Declare the type of `{text}` in the event type's schema."),
            of if of.is_number() => format!("Write string({text})."),
            _ => String::new(),
        };
        self.mistyped(tree, format!("{name}() works on texts; `{text}` is {}.", typed.of), help);
        None
    }

    fn matches(
        &mut self,
        tree: &'a Tree,
        target: &'a Tree,
        pattern: &'a Tree,
        known: &Known,
    ) -> Option<Typed> {
        self.conditions.push(tree);
        let target = self.text(target, "matches", known);
        self.conditions.pop();
        let Expr::Literal(LiteralValue::String(literal)) = &pattern.expr else {
            self.mistyped(
                pattern,
                "A pattern must be a text written out.",
                "Write it like this: `.matches('^[A-Z]{2}-')`.",
            );
            return None;
        };
        match RegexBuilder::new(literal.inner()).size_limit(PATTERN_BYTES_MAX).build() {
            Ok(regex) => Some(Typed::new(Node::Matches(Box::new(target?), regex), ValueType::Bool)),
            Err(regex::Error::CompiledTooBig(_)) => {
                self.fault(
                    pattern,
                    "cost",
                    "This pattern is too big.",
                    "Repeat less, such as `{1,10}` instead of `{1,1000}`.",
                );
                None
            }
            Err(error) => {
                let reason = error.to_string();
                let reason =
                    reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.mistyped(
                    pattern,
                    format!("This pattern cannot be read: {reason}."),
                    "Backslashes are written twice, or in a raw text: r'\\d+'.",
                );
                None
            }
        }
    }

    fn part(&mut self, part: Part, target: &'a Tree, args: &'a [Tree], known: &Known) -> Option<Typed> {
        if let Some(zone) = args.first() {
            self.mistyped(
                zone,
                "Time zones cannot be named here.",
                "Leave the brackets empty; parts of moments are those of UTC.",
            );
            return None;
        }
        let typed = self.expression(target, known)?;
        let of_span = matches!(part, Part::Hours | Part::Minutes | Part::Seconds | Part::Milliseconds);
        if typed.of == ValueType::Timestamp || (of_span && typed.of == ValueType::Duration) {
            return Some(Typed::new(
                Node::Call(Function::Part(part), Box::new([typed.node])),
                ValueType::Int,
            ));
        }
        let message =
            format!("Only moments have such parts; `{}` is {}.", self.source.slice(target), typed.of);
        let help = if typed.of == ValueType::String { "Write timestamp(…) around it." } else { "" };
        self.mistyped(target, message, help);
        None
    }

    fn unknown_method(
        &mut self,
        tree: &'a Tree,
        name: &str,
        target: &'a Tree,
        args: &'a [Tree],
        known: &Known,
    ) -> Option<Typed> {
        if !is_name(target, "math") && !is_name(target, "optional") {
            self.expression(target, known);
        }
        if !LOOPS.contains(&name) {
            for arg in args {
                self.expression(arg, known);
            }
        }
        let text = self.source.slice(target);
        let help = match name {
            "toLowerCase" | "lower" | "toLower" => Some(format!("Write `{text}.lowerAscii()`.")),
            "toUpperCase" | "upper" | "toUpper" => Some(format!("Write `{text}.upperAscii()`.")),
            "length" | "len" | "count" => Some(format!("Write `size({text})`.")),
            "includes" | "has" => {
                Some(format!("For a text write `{text}.contains(…)`, for a list `… in {text}`."))
            }
            "orValue" | "hasValue" | "value" | "optMap" | "or" => {
                Some("Optional values are not part of this language: test with has() first.".to_owned())
            }
            "max" | "min" if text == "math" => {
                Some(format!("Use math.{}().", if name == "max" { "greatest" } else { "least" }))
            }
            _ if text == "optional" => {
                Some("Optional values are not part of this language: test with has() first.".to_owned())
            }
            "contains" | "startsWith" | "endsWith" | "matches" => {
                Some(format!("{name}() takes one text: `{text}.{name}('…')`."))
            }
            "some" | "any" => Some(format!("Write `{text}.exists(item, …)`.")),
            "every" => Some(format!("Write `{text}.all(item, …)`.")),
            _ if LOOPS.contains(&name) || name == "existsOne" => {
                Some(format!("Name the item first: `{text}.{name}(item, …)`."))
            }
            _ if FUNCTIONS.contains(&name) => Some(format!("Write `{name}({text})`.")),
            _ => None,
        };
        self.unknown(tree, name, help)
    }
}

fn is_name(tree: &Tree, name: &str) -> bool {
    matches!(&tree.expr, Expr::Ident(ident) if ident == name)
}

/// `a text, a number or a moment`
fn or_list(types: &[ValueType]) -> String {
    let words: Vec<_> = types.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
