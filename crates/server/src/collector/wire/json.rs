//! Reads JSON in one pass, exactly: numbers keep their text, depth is bounded, every place is known.
//!
//! A general parser would not do here: it would resolve duplicate keys in silence, lose where an item
//! began and ended (what is put aside is kept as it was sent), and give up the whole batch for one string
//! that a client cut in the middle of a pair of surrogates. So there are two sorts of fault: what is not
//! JSON ([`Broken`], the request is refused) and what is JSON but says nothing certain ([`Flaw`], the item
//! is put aside).

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

/// How deep arrays and objects may stand in each other.
pub(crate) const DEPTH_MAX: usize = 64;

/// `serde_json` gives keys that begin so a meaning of its own when it reads them back.
const RESERVED: &str = "$serde_json::private::";

/// The text is not JSON, or not what the protocol asks for at this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The byte where it shows.
    pub(crate) offset: usize,
    /// What is wrong, for a person.
    pub(crate) what: String,
}

/// It is JSON, but what it says is not certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// JSON pointer, from where [`Reader::begin`] was called last.
    pub(crate) pointer: String,
    /// What is wrong, for a person.
    pub(crate) what: String,
}

#[derive(Debug)]
enum Step<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

/// Reads one text.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    path: Vec<Step<'a>>,
    base: usize,
    flaws: Vec<Flaw>,
}

impl<'a> Reader<'a> {
    /// Begins at the first byte (a byte order mark is passed over).
    pub(crate) fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self { text, at, path: Vec::new(), base: 0, flaws: Vec::new() }
    }

    /// From here on, flaws are gathered anew and their pointers count from this place.
    pub(crate) fn begin(&mut self) -> usize {
        self.base = self.path.len();
        self.flaws.clear();
        self.space();
        self.at
    }

    /// What was written since the byte `from`, and its flaws.
    pub(crate) fn end(&mut self, from: usize) -> (&'a str, Vec<Flaw>) {
        (&self.text[from..self.at], std::mem::take(&mut self.flaws))
    }

    /// The byte that is read next.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Nothing but space may follow.
    pub(crate) fn finish(mut self) -> Result<(), Broken> {
        self.space();
        if self.at < self.text.len() { Err(self.unexpected("the end of the text")) } else { Ok(()) }
    }

    /// What kind of value comes next, in words.
    pub(crate) fn peek_kind(&mut self) -> &'static str {
        self.space();
        match self.byte() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            Some(_) => "a number",
            None => "nothing",
        }
    }

    /// Reads any value.
    pub(crate) fn value(&mut self) -> Result<Value, Broken> {
        self.space();
        match self.byte() {
            Some(b'{') => {
                let mut map = Map::new();
                self.object(|reader, key| {
                    let value = reader.value()?;
                    if map.insert(key.into_owned(), value).is_some() {
                        reader.twice();
                    }
                    Ok(())
                })?;
                Ok(Value::Object(map))
            }
            Some(b'[') => {
                let mut list = Vec::new();
                self.array(|reader, _| {
                    list.push(reader.value()?);
                    Ok(())
                })?;
                Ok(Value::Array(list))
            }
            Some(b'"') => Ok(Value::String(self.string()?.into_owned())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Reads an object; `field` is called with each key, its value being next.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.open(b'{', "an object")?;
        if self.close(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            if self.byte() != Some(b'"') {
                return Err(self.unexpected("a key in quotes"));
            }
            let key = self.string()?;
            self.space();
            self.expect(b':', "a colon")?;
            self.path.push(Step::Key(key.clone()));
            if key.starts_with(RESERVED) {
                self.flaw(format!("keys that begin with `{RESERVED}` are reserved"));
            }
            field(self, key)?;
            self.path.pop();
            self.space();
            if self.close(b'}') {
                return Ok(());
            }
            self.expect(b',', "a comma or `}`")?;
        }
    }

    /// Reads an array; `element` is called with each index, its value being next.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self, usize) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.open(b'[', "an array")?;
        if self.close(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Index(index));
            element(self, index)?;
            self.path.pop();
            self.space();
            if self.close(b']') {
                break;
            }
            self.expect(b',', "a comma or `]`")?;
        }
        Ok(())
    }

    /// Notes that the key just read had been there before.
    pub(crate) fn twice(&mut self) {
        // Called after the value: the key is still the path's last step.
        self.flaw("this key is there twice, so what it means is not certain".into());
    }

    fn flaw(&mut self, what: String) {
        let mut pointer = String::new();
        for step in &self.path[self.base..] {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        self.flaws.push(Flaw { pointer, what });
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn open(&mut self, byte: u8, what: &str) -> Result<(), Broken> {
        self.space();
        if self.path.len() >= DEPTH_MAX {
            return Err(self.broken(format!("more than {DEPTH_MAX} arrays and objects in each other")));
        }
        self.expect(byte, what)?;
        self.space();
        Ok(())
    }

    fn close(&mut self, byte: u8) -> bool {
        let closes = self.byte() == Some(byte);
        self.at += usize::from(closes);
        closes
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), Broken> {
        if self.byte() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected(what))
        }
    }

    fn broken(&self, what: String) -> Broken {
        Broken { offset: self.at, what }
    }

    fn unexpected(&self, wanted: &str) -> Broken {
        self.broken(match self.text[self.at..].chars().next() {
            // A quote needs no escape between backticks.
            Some('"') => format!("expected {wanted}, found `\"`"),
            Some(found) => format!("expected {wanted}, found `{}`", found.escape_debug()),
            None => format!("expected {wanted}, but the text ends here (was it cut off?)"),
        })
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, Broken> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.unexpected(&format!("`{word}`")))
        }
    }

    fn digits(&mut self) -> Result<(), Broken> {
        let from = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == from { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value, Broken> {
        let from = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let text = &self.text[from..self.at];
        text.parse::<Number>()
            .map(Value::Number)
            .map_err(|_| Broken { offset: from, what: format!("`{text}` is not a number") })
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Broken> {
        self.at += 1;
        let from = self.at;
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Borrowed(&self.text[from..self.at - 1]));
                }
                Some(b'\\') => return self.escaped(from).map(Cow::Owned),
                Some(0..=0x1f) => return Err(self.control()),
                Some(_) => self.at += 1,
                None => return Err(self.unexpected("the end of a string")),
            }
        }
    }

    /// The rest of a string that has escapes; `from` is where it began.
    fn escaped(&mut self, from: usize) -> Result<String, Broken> {
        let mut out = self.text[from..self.at].to_owned();
        loop {
            let plain = self.at;
            while !matches!(self.byte(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            out.push_str(&self.text[plain..self.at]);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return Err(self.control()),
                None => return Err(self.unexpected("the end of a string")),
            }
        }
    }

    fn control(&self) -> Broken {
        self.broken("a control character in a string must be written as an escape".into())
    }

    fn escape(&mut self) -> Result<char, Broken> {
        let plain = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.unexpected("an escape (one of \" \\ / b f n r t u)")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, Broken> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            let rest = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = rest;
        }
        Ok(char::from_u32(first).unwrap_or_else(|| {
            self.flaw("half of a surrogate pair: the text was cut inside a character".into());
            '\u{fffd}'
        }))
    }

    fn hex(&mut self) -> Result<u32, Broken> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let mut code = 0;
        for digit in digits {
            match char::from(*digit).to_digit(16) {
                Some(digit) => code = code * 16 + digit,
                None => return Err(self.unexpected("four hexadecimal digits")),
            }
        }
        if digits.len() < 4 {
            return Err(self.unexpected("four hexadecimal digits"));
        }
        self.at += 4;
        Ok(code)
    }
}

/// Line and column of a byte, from 1, the column in characters.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A character's continuation bytes look like 10xxxxxx.
    let column = before[start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
    (line, column)
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
