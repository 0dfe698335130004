//! Comparing what arrived with what left.

use std::sync::Arc;

use store::{Environment, Share, VIEWS};

use super::{Stage, copy::Reader, tally::Tally};
use crate::Result;

/// How much there is to compare.
#[derive(Clone, Copy)]
pub(super) struct Much {
    /// Records of profiles.
    pub(super) records: u64,
    /// Profiles.
    pub(super) profiles: u64,
    /// Records of quarantined events.
    pub(super) quarantined: u64,
}

impl Much {
    /// In how many shares a view is compared: each is held whole, on both sides, and costs a walk through the view.
    fn shares(self, view: &str) -> u32 {
        let count = match view {
            // A line has the whole state, some kilobytes.
            "profiles" => self.profiles.div_ceil(50_000),
            // Up to two keys a record, and the identities.
            "directory" => (2 * self.records + 2 * self.profiles).div_ceil(1_000_000),
            // With all that did not fit.
            "quarantine" => self.quarantined.div_ceil(100_000),
            _ => self.profiles.div_ceil(250_000),
        };
        u32::try_from(count.max(1)).unwrap_or(u32::MAX)
    }
}

/// Reads every row back, and says what differs from what left.
pub(super) async fn rows(
    left: &Tally,
    target: &Arc<dyn Environment>,
    records: u64,
    tell: &mut dyn FnMut(Stage, u64, u64),
) -> Result<Vec<String>> {
    let mut reader = Reader::of(target);
    while reader.next().await?.is_some() {
        tell(Stage::Comparing, reader.tally.count("records"), records);
    }
    Ok(left.differences(&reader.tally))
}

/// Compares every view, line by line, in shares.
pub(super) async fn views(
    source: &Arc<dyn Environment>,
    target: &Arc<dyn Environment>,
    much: Much,
    tell: &mut dyn FnMut(Stage, u64, u64),
) -> Result<Vec<String>> {
    let total: u32 = VIEWS.iter().map(|view| much.shares(view)).sum();
    let (mut told, mut done) = (Vec::new(), 0);
    for view in VIEWS {
        let of = much.shares(view);
        let (mut differs, mut left_only, mut arrived_only) = (false, 0, 0);
        for no in 0..of {
            let share = Share { no, of };
            let (left, arrived) =
                tokio::try_join!(source.export_share(view, share), target.export_share(view, share))?;
            if left != arrived {
                differs = true;
                left_only += missing(&left, &arrived);
                arrived_only += missing(&arrived, &left);
            }
            done += 1;
            tell(Stage::ComparingViews, done, total.into());
        }
        // Lines of views are about people: how many differ is enough to know where to look.
        if differs {
            told.push(format!(
                "view `{view}`: {left_only} lines are only in the source, {arrived_only} only in the target"
            ));
        }
    }
    Ok(told)
}

/// How many lines of one are not in the other; both are sorted.
fn missing(lines: &[String], other: &[String]) -> u64 {
    lines.iter().filter(|line| other.binary_search(line).is_err()).count() as u64
}
