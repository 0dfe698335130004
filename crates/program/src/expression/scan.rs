//! A look at the source before it is parsed: keeps what is too big or too deep away from the parser, and
//! finds the common slips of the pen, for which it has better words than a grammar.

use super::{
    ExpressionFault,
    limits::{BRACKETS_MAX, OPERATORS_MAX, SOURCE_BYTES_MAX},
};

/// Where brackets open and close, in bytes, in the order in which they close.
pub(super) type Brackets = Vec<(usize, usize)>;

/// Scans a source, and gives its brackets.
pub(super) fn scan(text: &str) -> Result<Brackets, ExpressionFault> {
    if text.len() > SOURCE_BYTES_MAX {
        return Err(fault(
            SOURCE_BYTES_MAX,
            0,
            "cost",
            format!("This expression is {} bytes long; at most {SOURCE_BYTES_MAX} are allowed.", text.len()),
            "Split it: give a part of it a name, as an audience or a metric, and refer to that.",
        ));
    }
    if text.trim().is_empty() {
        return Err(fault(
            0,
            0,
            "expression_syntax",
            "The expression is empty.",
            "Write a condition, or leave the field out.",
        ));
    }
    Scanner { text, at: 0, operators: 0, open: Vec::new(), closed: Vec::new(), before: Before::Nothing }.run()
}

fn fault(
    offset: usize,
    length: usize,
    code: &'static str,
    message: impl Into<String>,
    help: impl Into<String>,
) -> ExpressionFault {
    ExpressionFault { offset, length, code, message: message.into(), help: Some(help.into()) }
}

/// What stands before a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Operator,
    Dot,
    Operand,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    operators: usize,
    open: Vec<(usize, u8)>,
    closed: Brackets,
    before: Before,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<Brackets, ExpressionFault> {
        while let Some(c) = self.text[self.at..].chars().next() {
            let start = self.at;
            match c {
                c if c.is_ascii_whitespace() => self.at += 1,
                '/' if self.rest().starts_with("//") => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                '\'' | '"' => self.string(start, false)?,
                '`' => {
                    let Some(length) = self.text[start + 1..].find('`') else {
                        return Err(fault(
                            start,
                            1,
                            "expression_syntax",
                            "A name in backticks is not closed.",
                            "Add a backtick at its end.",
                        ));
                    };
                    self.at = start + length + 2;
                    self.before = Before::Operand;
                }
                'a'..='z' | 'A'..='Z' | '_' => self.word()?,
                '0'..='9' => {
                    let number = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
                    self.at += self.rest().find(|c| !number(c)).unwrap_or(self.rest().len());
                    self.before = Before::Operand;
                }
                '(' | '[' | '{' => self.opening(c)?,
                ')' | ']' | '}' => self.closing(c)?,
                _ => self.operator(c)?,
            }
        }
        match self.open.pop() {
            Some((offset, bracket)) => Err(fault(
                offset,
                1,
                "expression_syntax",
                format!("This `{}` is never closed.", char::from(bracket)),
                format!("Add a `{}` where the part that it begins ends.", char::from(counterpart(bracket))),
            )),
            None => Ok(self.closed),
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn string(&mut self, start: usize, raw: bool) -> Result<(), ExpressionFault> {
        let bytes = self.text.as_bytes();
        let quote = bytes[self.at];
        let triple = bytes[self.at..].starts_with(&[quote; 3]);
        let ends: &[u8] = if triple { &[quote; 3] } else { &[quote] };
        self.at += ends.len();
        loop {
            match bytes.get(self.at) {
                Some(b'\\') if !raw => self.at += 2,
                Some(_) if bytes[self.at..].starts_with(ends) => break,
                Some(b'\n') | None if !triple || self.at >= bytes.len() => {
                    return Err(fault(
                        start,
                        1,
                        "expression_syntax",
                        "A text begins here and is never closed.",
                        format!("Add {} at its end.", char::from(quote)),
                    ));
                }
                _ => self.at += 1,
            }
        }
        self.at += ends.len();
        self.before = Before::Operand;
        Ok(())
    }

    fn word(&mut self) -> Result<(), ExpressionFault> {
        let start = self.at;
        let length =
            self.rest().find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest().len());
        self.at += length;
        let word = &self.text[start..self.at];
        if matches!(self.rest().as_bytes().first(), Some(b'\'' | b'"')) {
            if matches!(word, "r" | "R") {
                return self.string(start, true);
            }
            if matches!(word, "b" | "B" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB") {
                return Err(fault(
                    start,
                    length,
                    "expression_syntax",
                    "Raw bytes cannot be used here.",
                    "Write a text: 'like this'.",
                ));
            }
        }
        let instead = match word.to_ascii_lowercase().as_str() {
            "and" if self.before == Before::Operand => Some("&&"),
            "or" if self.before == Before::Operand => Some("||"),
            "is" if self.before == Before::Operand => Some("=="),
            "not" if matches!(self.before, Before::Nothing | Before::Operator) => Some("!"),
            _ => None,
        };
        if let Some(instead) = instead {
            return Err(fault(
                start,
                length,
                "expression_syntax",
                format!("`{word}` is not a word of this language."),
                format!("Write `{instead}` instead of `{word}`."),
            ));
        }
        let python = match word {
            "True" | "TRUE" => Some("true"),
            "False" | "FALSE" => Some("false"),
            _ => None,
        };
        if let (Some(instead), true) = (python, self.before != Before::Dot) {
            return Err(fault(
                start,
                length,
                "expression_syntax",
                format!("`{word}` is not known."),
                format!("Write `{instead}`, in small letters."),
            ));
        }
        self.before =
            if word == "in" && self.before == Before::Operand { Before::Operator } else { Before::Operand };
        Ok(())
    }

    fn opening(&mut self, c: char) -> Result<(), ExpressionFault> {
        self.count()?;
        if self.open.len() >= BRACKETS_MAX {
            return Err(fault(
                self.at,
                1,
                "cost",
                format!("Brackets are nested more than {BRACKETS_MAX} deep."),
                "Split the expression, or take away brackets that are not needed.",
            ));
        }
        let optional = matches!(c, '[' | '{') && self.text[self.at + 1..].trim_start().starts_with('?');
        if optional {
            return Err(Self::optional(self.at));
        }
        self.open.push((self.at, c as u8));
        self.at += 1;
        self.before = Before::Operator;
        Ok(())
    }

    fn closing(&mut self, c: char) -> Result<(), ExpressionFault> {
        match self.open.pop() {
            Some((offset, bracket)) if counterpart(bracket) == c as u8 => self.closed.push((offset, self.at)),
            Some((_, bracket)) => {
                return Err(fault(
                    self.at,
                    1,
                    "expression_syntax",
                    format!("`{c}` stands where `{}` was expected.", char::from(counterpart(bracket))),
                    "Close brackets in the reverse order in which they were opened.",
                ));
            }
            None => {
                return Err(fault(
                    self.at,
                    1,
                    "expression_syntax",
                    format!("`{c}` closes nothing."),
                    "Take it away, or open a bracket before it.",
                ));
            }
        }
        self.at += 1;
        self.before = Before::Operand;
        Ok(())
    }

    fn operator(&mut self, c: char) -> Result<(), ExpressionFault> {
        let rest = self.rest();
        let one = |length: usize, wrong: &str, instead: &str| {
            Err(fault(
                self.at,
                length,
                "expression_syntax",
                format!("`{wrong}` is not an operator."),
                instead,
            ))
        };
        if let Some(two) = ["==", "!=", "<=", ">=", "&&", "||"].into_iter().find(|two| rest.starts_with(two))
        {
            if rest.starts_with("===") || rest.starts_with("!==") {
                return one(3, &rest[..3], "Write `==` or `!=`.");
            }
            self.count()?;
            self.at += two.len();
            self.before = Before::Operator;
            return Ok(());
        }
        match c {
            '<' if rest.starts_with("<>") => {
                return one(2, "<>", "To say that two things differ, write `!=`.");
            }
            '=' => return one(1, "=", "To compare, write `==`."),
            '&' => return one(1, "&", "For `and`, write `&&`."),
            '|' => return one(1, "|", "For `or`, write `||`."),
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => {
                return Err(fault(
                    self.at,
                    c.len_utf8(),
                    "expression_syntax",
                    format!("`{c}` is a typographic quotation mark."),
                    "Use straight ones: 'text'.",
                ));
            }
            '?' if self.before == Before::Dot => return Err(Self::optional(self.at)),
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '!' | '?' | ':' | '.' => self.count()?,
            ',' => {}
            _ => {
                return Err(fault(
                    self.at,
                    c.len_utf8(),
                    "expression_syntax",
                    format!("`{c}` has no meaning here."),
                    "Take it away, or put texts between quotes: 'text'.",
                ));
            }
        }
        self.at += 1;
        self.before = if c == '.' { Before::Dot } else { Before::Operator };
        Ok(())
    }

    fn optional(offset: usize) -> ExpressionFault {
        fault(
            offset,
            1,
            "expression_syntax",
            "Optional access with `?` is not part of this language.",
            "Test with has() first: `has(event.properties.coupon) && event.properties.coupon == 'X'`.",
        )
    }

    fn count(&mut self) -> Result<(), ExpressionFault> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(fault(
                self.at,
                1,
                "cost",
                format!("This expression has more than {OPERATORS_MAX} operators, dots and brackets."),
                "Split it: give a part of it a name, as an audience or a metric. To compare with many values, use `x in ['a', 'b']`.",
            ));
        }
        Ok(())
    }
}

const fn counterpart(bracket: u8) -> u8 {
    match bracket {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}
