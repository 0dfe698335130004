//! YAML (and JSON, which is YAML) to spanned trees, under limits, by the core schema of YAML 1.2.
//!
//! Anchors, aliases and tags are refused: what a document says should stand where it is read, and without
//! aliases no small file unfolds into a huge one.

use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{
    number,
    tree::{Entry, Mark, Node, Style, Text, Tree},
};

/// The largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The most values in one file.
pub const NODES_MAX: usize = 50_000;
/// The deepest nesting.
pub const DEPTH_MAX: usize = 64;

/// A fault of the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFault {
    /// Where.
    pub at: Mark,
    /// JSON pointer into the document, as far as it is known.
    pub pointer: String,
    /// Stable word.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Reads every document of a text. A list at the top stands for its items, one document each.
pub fn parse(text: &str) -> (Vec<Node>, Vec<TextFault>) {
    let mut faults = Vec::new();
    if text.len() > FILE_BYTES_MAX {
        faults.push(TextFault {
            at: Mark { line: 1, column: 1 },
            pointer: String::new(),
            code: "too_large",
            message: format!("the file has {} bytes; at most {FILE_BYTES_MAX} are read", text.len()),
            help: Some("Split it: objects may be in any number of files.".into()),
        });
        return (Vec::new(), faults);
    }
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { parser, nodes: 0, faults };
    let mut documents = Vec::new();
    loop {
        match reader.document() {
            Ok(Some(node)) => match node.tree {
                Tree::List(items) => documents.extend(items),
                Tree::Null => {} // an empty document between two `---`
                _ => documents.push(node),
            },
            Ok(None) => break,
            Err(Stop::Syntax(error)) => {
                reader.syntax(&error);
                if !matches!(reader.parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
            Err(Stop::TooMany(at)) => {
                reader.fault(
                    at,
                    "",
                    "too_large",
                    format!("the file has more than {NODES_MAX} values"),
                    "Split it: objects may be in any number of files.",
                );
                break;
            }
        }
    }
    (documents, reader.faults)
}

enum Stop {
    Syntax(ScanError),
    TooMany(Mark),
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Syntax(error)
    }
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    nodes: usize,
    faults: Vec<TextFault>,
}

fn mark(marker: granit_parser::Marker) -> Mark {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Mark { line: count(marker.line()), column: count(marker.col()).saturating_add(1) }
}

impl<'a> Reader<'a> {
    fn fault(&mut self, at: Mark, pointer: &str, code: &'static str, message: String, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.faults.push(TextFault { at, pointer: pointer.into(), code, message, help });
    }

    fn syntax(&mut self, error: &ScanError) {
        let message = format!("this is not YAML: {}", error.info());
        let help = "Mind the indentation, and quote text that contains `: ` or ` #`, or begins with a special character.";
        self.fault(mark(*error.marker()), "", "syntax", message, help);
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Stop> {
        Ok(self.parser.next_event().transpose()?)
    }

    /// The next document's root; `None` at the end.
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamEnd => return Ok(None),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => {
                    let mut pointer = String::new();
                    return self.node(event, &span, &mut pointer).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn node(&mut self, event: Event<'a>, span: &Span, pointer: &mut String) -> Result<Node, Stop> {
        let at = mark(span.start);
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Stop::TooMany(at));
        }
        if event.anchor_id().is_some_and(|id| id != 0) && !event.is_alias() {
            self.no_alias(at, pointer);
        }
        if let Some(tag) = event.tag() {
            let tag = Tag::original(tag);
            self.fault(
                span.tag_start().map_or(at, mark),
                pointer,
                "tag",
                format!("the tag `{tag}` is not read here"),
                "Leave the tag out; quote the value to make it text.",
            );
        }
        let tree = match event {
            Event::Scalar(value, style, ..) => self.scalar(&value, style, span, pointer),
            Event::SequenceStart(..) => self.list(pointer)?,
            Event::MappingStart(..) => self.map(pointer)?,
            _ => {
                self.no_alias(at, pointer);
                Tree::Refused
            }
        };
        Ok(Node { tree, at })
    }

    fn no_alias(&mut self, at: Mark, pointer: &str) {
        let message = "anchors (`&name`) and aliases (`*name`) are not read here".to_owned();
        let help = "Write the value out where it is used; quote a text that begins with `&` or `*`.";
        self.fault(at, pointer, "alias", message, help);
    }

    fn list(&mut self, pointer: &mut String) -> Result<Tree, Stop> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let length = pointer.len();
            push_step(pointer, &items.len().to_string());
            items.push(self.node(event, &span, pointer)?);
            pointer.truncate(length);
        }
        Ok(Tree::List(items))
    }

    fn map(&mut self, pointer: &mut String) -> Result<Tree, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let at = mark(span.start);
            let name: Option<Arc<str>> = match &event {
                Event::Scalar(name, style, ..) if !(name.is_empty() && *style == ScalarStyle::Plain) => {
                    Some(name.as_ref().into())
                }
                _ => None,
            };
            self.node(event, &span, pointer)?;
            let length = pointer.len();
            push_step(pointer, name.as_deref().unwrap_or(""));
            let Some((event, span)) = self.next()? else { break };
            let value = self.node(event, &span, pointer)?;
            match name {
                None => self.fault(
                    at,
                    &pointer[..length],
                    "wrong_type",
                    "a field's name must be a text".into(),
                    "",
                ),
                Some(name) => {
                    if let Some(first) = entries.iter().find(|entry| entry.name == name) {
                        let message = format!(
                            "the field `{name}` is written twice; first in line {}, column {}",
                            first.at.line, first.at.column
                        );
                        self.fault(at, pointer, "duplicate_field", message, "Keep one of the two.");
                    } else {
                        entries.push(Entry { name, at, value });
                    }
                }
            }
            pointer.truncate(length);
        }
        Ok(Tree::Map(entries))
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, span: &Span, pointer: &str) -> Tree {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        };
        if style == Style::Plain {
            match value {
                "" | "~" | "null" | "Null" | "NULL" => return Tree::Null,
                "true" | "True" | "TRUE" => return Tree::Bool(true),
                "false" | "False" | "FALSE" => return Tree::Bool(false),
                _ => {}
            }
            if let Some(result) = core_number(value) {
                return match result {
                    Ok(text) => Tree::Number(text.into()),
                    Err(why) => {
                        let help = "Quote it if it is text.";
                        self.fault(
                            mark(span.start),
                            pointer,
                            "out_of_range",
                            format!("the number {why}"),
                            help,
                        );
                        Tree::Refused
                    }
                };
            }
        }
        Tree::String(Text { value: value.into(), written: span.byte_range().map(|range| (style, range)) })
    }
}

/// A number of YAML's core schema, in normal form.
fn core_number(value: &str) -> Option<Result<String, String>> {
    let radix = |digits: &str, radix| {
        let whole = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        whole.then(|| {
            i64::from_str_radix(digits, radix)
                .map(|number| number.to_string())
                .map_err(|_| "is beyond 64 bits".to_owned())
        })
    };
    if let Some(digits) = value.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = value.strip_prefix("0o") {
        return radix(digits, 8);
    }
    match value.trim_start_matches(['-', '+']) {
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN" => {
            return Some(Err("is not finite".into()));
        }
        _ => {}
    }
    number::is_number(value).then(|| number::normal(value))
}

/// Adds a step to a JSON pointer.
pub fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    for character in step.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}
