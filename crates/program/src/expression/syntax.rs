//! From text to the `cel` crate's tree, and from its errors to ours.

use cel::{
    common::ast::{Expr, SourceInfo},
    parser::{Expression as Tree, ParseError, Parser},
};

use super::{
    ExpressionFault,
    scan::{self, Brackets},
};

/// A parsed source.
pub(super) struct Parsed<'a> {
    pub(super) text: &'a str,
    pub(super) tree: Tree,
    offsets: SourceInfo,
    brackets: Brackets,
}

/// Parses a source.
pub(super) fn parse(text: &str) -> Result<Parsed<'_>, ExpressionFault> {
    let brackets = scan::scan(text)?;
    match Parser::new().enable_ident_escape_syntax(true).parse_with_source_info(text) {
        Ok((tree, offsets)) => Ok(Parsed { text, tree, offsets, brackets }),
        Err(errors) => Err(errors.errors.first().map_or_else(
            || unreadable(text, 0, "The expression cannot be read."),
            |error| translate(text, error),
        )),
    }
}

fn unreadable(text: &str, offset: usize, message: impl Into<String>) -> ExpressionFault {
    let rest = &text[offset..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let length = word.max(rest.chars().next().map_or(0, char::len_utf8));
    ExpressionFault { offset, length, code: "expression_syntax", message: message.into(), help: None }
}

/// Puts a parser's error into plain words.
fn translate(text: &str, error: &ParseError) -> ExpressionFault {
    let offset = offset_of(text, error.pos);
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let quoted = message.split('\'').nth(1).unwrap_or_default();
    let mut fault = unreadable(text, offset, "");
    let (message, help) = if let Some(word) = message.strip_prefix("reserved identifier: ") {
        fault.length = word.len();
        (format!("`{word}` is a reserved word."), "Use another name.".into())
    } else if message.contains("has() macro") {
        (
            "has() wants a field.".into(),
            "Write the path of what may be missing: `has(event.properties.coupon)`.".into(),
        )
    } else if message.contains("must be a simple name") {
        (
            "The first argument names what each item of the list is called.".into(),
            "Write it like this: `event.properties.items.exists(item, item.price > 10.0)`.".into(),
        )
    } else if message.contains("invalid int literal") {
        ("This number is too big.".into(), "Whole numbers go up to 9223372036854775807.".into())
    } else if message.contains("double literal") {
        ("This number cannot be read.".into(), "Numbers go up to about 1.7e308.".into())
    } else if message.contains("literal") {
        (
            "This value cannot be read.".into(),
            "Check its spelling; in texts, write a backslash as `\\\\`.".into(),
        )
    } else if message.contains("token recognition") {
        (
            "This text cannot be read.".into(),
            "In texts, a backslash begins an escape such as `\\n`; write a backslash itself as `\\\\`."
                .into(),
        )
    } else if quoted == "<EOF>" {
        ("The expression ends too early.".into(), "Something is missing after its last word.".into())
    } else if message.starts_with("extraneous input") || message.starts_with("missing") {
        fault.length = quoted.len().min(text.len() - offset);
        let word = |c: char| c.is_alphanumeric() || "_'\"([".contains(c);
        let missing = if quoted.starts_with(word) { "an operator such as `&&` or `==`" } else { "a value" };
        (format!("`{quoted}` was not expected here."), format!("Perhaps {missing} is missing before it."))
    } else {
        let found = fault.length;
        (
            "The expression cannot be read from here on.".into(),
            match found {
                0 => "Something is missing at its end.".to_owned(),
                _ => "Look for a missing operator, comma or bracket.".to_owned(),
            },
        )
    };
    fault.message = message;
    fault.help = Some(help);
    fault
}

/// The parser gives lines from 1 and columns in characters from 1.
fn offset_of(text: &str, (line, column): (isize, isize)) -> usize {
    let (line, column) = (usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let into =
        text[start..].char_indices().nth(column.saturating_sub(1)).map_or(text.len() - start, |(at, _)| at);
    (start + into).min(text.len())
}

impl Parsed<'_> {
    /// The bytes that a part of the tree covers: (offset, length).
    pub(super) fn span(&self, tree: &Tree) -> (usize, usize) {
        let (mut start, mut end) = (usize::MAX, 0);
        self.cover(tree, &mut start, &mut end);
        if start > end {
            return (0, self.text.len());
        }
        // A bracket that is only half inside is taken in whole.
        loop {
            let before = (start, end);
            for &(open, close) in &self.brackets {
                let (opens, closes) = ((start..end).contains(&open), (start..end).contains(&close));
                if opens && !closes {
                    end = close + 1;
                } else if closes && !opens {
                    start = open;
                }
            }
            if before == (start, end) {
                break;
            }
        }
        (start, end - start)
    }

    /// The text that a part of the tree covers.
    pub(super) fn slice(&self, tree: &Tree) -> &str {
        let (start, length) = self.span(tree);
        self.text.get(start..start + length).unwrap_or(self.text)
    }

    fn token(&self, tree: &Tree) -> Option<(usize, usize)> {
        let (start, last) = self.offsets.offset_for(tree.id)?;
        Some((start as usize, last as usize + 1))
    }

    fn cover(&self, tree: &Tree, start: &mut usize, end: &mut usize) {
        let mut include = |from: usize, to: usize| {
            *start = (*start).min(from);
            *end = (*end).max(to.min(self.text.len()));
        };
        let token = self.token(tree);
        if let Some((from, to)) = token {
            include(from, to);
        }
        match &tree.expr {
            Expr::Call(call) => {
                if let (Some((open, _)), None) = (token, &call.target)
                    && self.text[..open].ends_with(&call.func_name)
                {
                    include(open - call.func_name.len(), open);
                }
                for part in call.target.as_deref().into_iter().chain(&call.args) {
                    self.cover(part, start, end);
                }
            }
            Expr::Select(select) => {
                if select.test
                    && let Some((open, _)) = token
                    && self.text[..open].ends_with("has")
                {
                    include(open - "has".len(), open);
                }
                if !select.test
                    && let Some((_, dot)) = token
                {
                    let rest = &self.text[dot..];
                    let blank = rest.len() - rest.trim_start().len();
                    let ticks = if rest.trim_start().starts_with('`') { 2 } else { 0 };
                    include(dot, dot + blank + select.field.len() + ticks);
                }
                self.cover(&select.operand, start, end);
            }
            Expr::Comprehension(each) => self.cover(&each.iter_range, start, end),
            Expr::List(list) => {
                for part in &list.elements {
                    self.cover(part, start, end);
                }
            }
            _ => {}
        }
    }
}
