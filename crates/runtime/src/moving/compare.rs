//! Comparing what arrived with what left.

use std::sync::Arc;

use store::{Environment, Share, VIEWS};

use super::{Stage, copy::Reader, tally::Tally};
use crate::Result;

/// Lines of a view that are held at once, about, on each side.
const LINES_AT_ONCE: u64 = 300_000;

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

/// Compares every view, line by line, in shares: no view has many more lines than there are records and
/// profiles.
pub(super) async fn views(
    source: &Arc<dyn Environment>,
    target: &Arc<dyn Environment>,
    lines: u64,
    tell: &mut dyn FnMut(Stage, u64, u64),
) -> Result<Vec<String>> {
    let of = u32::try_from(lines.div_ceil(LINES_AT_ONCE)).unwrap_or(u32::MAX).max(1);
    let (mut told, mut done) = (Vec::new(), 0);
    for view in VIEWS {
        let (mut left_only, mut arrived_only) = (0, 0);
        for no in 0..of {
            let share = Share { no, of };
            let (left, arrived) =
                tokio::try_join!(source.export_share(view, share), target.export_share(view, share))?;
            if left != arrived {
                left_only += missing(&left, &arrived);
                arrived_only += missing(&arrived, &left);
            }
            done += 1;
            tell(Stage::ComparingViews, done, u64::from(of) * VIEWS.len() as u64);
        }
        // Lines of views are about people: how many differ is enough to know where to look.
        if left_only + arrived_only > 0 {
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
