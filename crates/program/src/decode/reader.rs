//! Where decoding stands, and the faults found so far.

use std::cell::RefCell;

use crate::{
    Address, Fault, Position,
    decode::View,
    document::{
        locate::locate,
        tree::{Mark, Text},
    },
};

/// The file a document comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

/// Reads one document; collects its faults.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) source: Option<Source<'a>>,
    pub(crate) address: Option<Address>,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(source: Option<Source<'a>>, address: Option<Address>) -> Self {
        Self { source, address, faults: RefCell::new(Vec::new()) }
    }

    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.faults.into_inner()
    }

    pub(crate) fn position(&self, at: Mark) -> Option<Position> {
        self.source.map(|source| Position { file: source.name.into(), line: at.line, column: at.column })
    }

    /// Notes a fault at a value.
    pub(crate) fn fault(
        &self,
        view: &View<'_>,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.fault_at(view.node.at, &view.pointer, code, message, help);
    }

    /// Notes a fault at a place. An empty help is none.
    pub(crate) fn fault_at(
        &self,
        at: Mark,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let help = help.into();
        self.faults.borrow_mut().push(Fault {
            position: self.position(at),
            address: self.address.clone(),
            pointer: pointer.into(),
            code,
            message: message.into(),
            help: (!help.is_empty()).then_some(help),
        });
    }

    /// The place of a byte of a text's value.
    pub(crate) fn place_in(&self, text: &Text, begins: Mark, offset: usize) -> Mark {
        self.source.map_or(begins, |source| locate(source.text, text, begins, offset))
    }
}
