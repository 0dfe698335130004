//! The rules that a case runs under.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{Rules, rules::Index};
use jiff::Timestamp;
use program::{Program, expression::Value};

use super::case::Case;

/// A program, made ready once for all its cases.
pub(super) struct Ground {
    program: Arc<Program>,
    index: Arc<Index>,
}

impl Ground {
    pub(super) fn new(program: Program) -> Self {
        Self { index: Arc::new(Index::new(&program)), program: Arc::new(program) }
    }

    /// The rules of a case: its constants over the program's defaults.
    pub(super) fn rules(&self, case: &Case) -> Rules {
        let mut constants: BTreeMap<_, _> = self
            .program
            .constants
            .iter()
            .filter_map(|(key, constant)| {
                let value = Value::from_json(constant.default.as_ref()?, &constant.of_type)?;
                Some((key.clone(), value))
            })
            .collect();
        constants.extend(case.constants.clone());
        Rules {
            basis: engine::rules::basis(&self.program, &self.index, &constants),
            epoch: 1,
            program: Arc::clone(&self.program),
            since: Timestamp::UNIX_EPOCH,
            react_on_upgrade: false,
            constants,
            switched_off: BTreeSet::new(),
            live: case.live,
            index: Arc::clone(&self.index),
        }
    }
}
