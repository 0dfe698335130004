//! JSON values as records keep them (the layout that [`crate::record`] writes), looked into without a tree of them: a
//! byte that says what it is, then the length and bytes of a text or of a number as it was written, or the number of
//! items, or the number of fields, each a name and a value. Lengths and numbers of things are LEB128.

use program::expression::{Json, Look};
use serde_json::{Map, Value as Tree};

/// What a value begins with.
pub(crate) mod kind {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const NUMBER: u8 = 3;
    pub(crate) const TEXT: u8 = 4;
    pub(crate) const LIST: u8 = 5;
    pub(crate) const OBJECT: u8 = 6;
}

/// Deeper than anything that is taken in; what is deeper is damaged.
const DEPTH_MAX: u16 = 256;

/// Where the names of an object's fields begin, so that looking up one goes through no others.
#[derive(Clone)]
pub(crate) struct Names(Box<[u32]>);

impl Names {
    /// Goes through the fields of the object that begins at `begin`, and gives where they end. `None` when they are
    /// damaged: what has been gone through can be looked into.
    pub(crate) fn read(bytes: &[u8], begin: usize) -> Option<(Self, usize)> {
        let rest = bytes.get(begin..)?;
        let check = Check { plain: rest.is_ascii() };
        let mut reader = Reader(rest);
        let count = reader.number()?;
        let mut names = Vec::with_capacity(count.min(rest.len()));
        for _ in 0..count {
            names.push(u32::try_from(bytes.len() - reader.0.len()).ok()?);
            check.field(&mut reader, 0)?;
        }
        Some((Self(names.into()), bytes.len() - reader.0.len()))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the field with this name, in the bytes that were gone through.
    pub(crate) fn find<'a>(&self, bytes: &'a [u8], name: &str) -> Option<Packed<'a>> {
        self.0.iter().find_map(|begin| {
            let mut reader = Reader(bytes.get(usize::try_from(*begin).ok()?..)?);
            (reader.bytes()? == name.as_bytes()).then_some(Packed(reader.0))
        })
    }
}

/// The object whose fields begin there.
pub(crate) fn object_of(bytes: &[u8], begin: usize) -> Object<'_> {
    Object::read(bytes.get(begin..).unwrap_or_default())
}

/// A value, by the bytes that it begins with.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    const fn kind(self) -> u8 {
        match self.0 {
            [kind, ..] => *kind,
            [] => kind::NULL,
        }
    }

    fn content(self) -> &'a [u8] {
        self.0.get(1..).unwrap_or_default()
    }

    pub(crate) fn text(self) -> Option<&'a str> {
        if self.kind() == kind::TEXT { Reader(self.content()).text() } else { None }
    }

    pub(crate) const fn is_nested(self) -> bool {
        matches!(self.kind(), kind::LIST | kind::OBJECT)
    }

    pub(crate) fn as_object(self) -> Option<Object<'a>> {
        (self.kind() == kind::OBJECT).then(|| Object::read(self.content()))
    }

    pub(crate) fn to_json(self) -> Tree {
        match self.look() {
            Look::Null => Tree::Null,
            Look::Bool(truth) => Tree::Bool(truth),
            // It is known to be one.
            Look::Number(number) => number.parse().map_or(Tree::Null, Tree::Number),
            Look::Text(text) => Tree::String(text.to_owned()),
            Look::List(items) => Tree::Array(items.map(Self::to_json).collect()),
            Look::Object(fields) => Tree::Object(fields.into_map()),
        }
    }
}

impl<'a> Json<'a> for Packed<'a> {
    type Items = Items<'a>;
    type Fields = Object<'a>;

    fn look(self) -> Look<'a, Self> {
        let content = self.content();
        match self.kind() {
            kind::FALSE => Look::Bool(false),
            kind::TRUE => Look::Bool(true),
            kind::NUMBER => Look::Number(Reader(content).text().unwrap_or_default()),
            kind::TEXT => Look::Text(Reader(content).text().unwrap_or_default()),
            kind::LIST => Look::List(Items::read(content)),
            kind::OBJECT => Look::Object(Object::read(content)),
            _ => Look::Null,
        }
    }
}

/// The items of a list, from the next on.
pub(crate) struct Items<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut reader = Reader(bytes);
        let left = reader.number().unwrap_or_default();
        Self { left, rest: reader.0 }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Packed<'a>;

    fn next(&mut self) -> Option<Packed<'a>> {
        self.left = self.left.checked_sub(1)?;
        let item = Packed(self.rest);
        let mut reader = Reader(self.rest);
        reader.skip_value()?;
        self.rest = reader.0;
        Some(item)
    }
}

/// The fields of an object, from the next on.
pub(crate) struct Object<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Object<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let Items { left, rest } = Items::read(bytes);
        Self { left, rest }
    }

    /// The value of a field.
    pub(crate) fn get(self, name: &str) -> Option<Packed<'a>> {
        let mut reader = Reader(self.rest);
        for _ in 0..self.left {
            if reader.bytes()? == name.as_bytes() {
                return Some(Packed(reader.0));
            }
            reader.skip_value()?;
        }
        None
    }

    pub(crate) fn into_map(self) -> Map<String, Tree> {
        self.map(|(name, value)| (name.to_owned(), value.to_json())).collect()
    }
}

impl<'a> Iterator for Object<'a> {
    type Item = (&'a str, Packed<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut reader = Reader(self.rest);
        let name = reader.text()?;
        let value = Packed(reader.0);
        reader.skip_value()?;
        self.rest = reader.0;
        Some((name, value))
    }
}

/// What has not been read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    #[inline]
    fn number(&mut self) -> Option<usize> {
        match *self.0 {
            // Nearly all: nothing is as long.
            [number @ 0..0x80, ref rest @ ..] => {
                self.0 = rest;
                Some(number.into())
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Option<usize> {
        let (mut number, mut shift) = (0, 0);
        while shift < usize::BITS {
            let byte = self.byte()?;
            let bits = usize::from(byte & 0x7f);
            if bits.leading_zeros() < shift {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn skip_value(&mut self) -> Option<()> {
        match self.byte()? {
            kind::NUMBER | kind::TEXT => drop(self.bytes()?),
            kind::LIST => {
                for _ in 0..self.number()? {
                    self.skip_value()?;
                }
            }
            kind::OBJECT => {
                for _ in 0..self.number()? {
                    self.bytes()?;
                    self.skip_value()?;
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// Sees whether values can be read.
#[derive(Clone, Copy)]
struct Check {
    /// There is nothing but ASCII to be found, so that every text is one.
    plain: bool,
}

impl Check {
    fn text(self, reader: &mut Reader<'_>) -> Option<()> {
        if self.plain { reader.bytes().map(drop) } else { reader.text().map(drop) }
    }

    fn field(self, reader: &mut Reader<'_>, depth: u16) -> Option<()> {
        self.text(reader)?;
        self.value(reader, depth)
    }

    fn value(self, reader: &mut Reader<'_>, depth: u16) -> Option<()> {
        match reader.byte()? {
            kind::NULL | kind::FALSE | kind::TRUE => Some(()),
            kind::NUMBER => is_number(reader.bytes()?).then_some(()),
            kind::TEXT => self.text(reader),
            kind::LIST if depth < DEPTH_MAX => {
                (0..reader.number()?).try_for_each(|_| self.value(reader, depth + 1))
            }
            kind::OBJECT if depth < DEPTH_MAX => {
                (0..reader.number()?).try_for_each(|_| self.field(reader, depth + 1))
            }
            _ => None,
        }
    }
}

/// Whether these are the characters of a JSON number.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &mut &[u8]| {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        *text = &text[count..];
        count
    };
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let leads_with_zero = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || (leads_with_zero && whole > 1) {
        return false;
    }
    if let Some(mut fraction) = rest.strip_prefix(b".") {
        if digits(&mut fraction) == 0 {
            return false;
        }
        rest = fraction;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let mut exponent = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        if digits(&mut exponent) == 0 {
            return false;
        }
        rest = exponent;
    }
    rest.is_empty()
}
