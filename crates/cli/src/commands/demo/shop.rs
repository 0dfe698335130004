//! What the demonstration works on: the record shop's program as files, a change of it, and its orders.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context as _, Result};
use examples::record_shop;

/// The change that is tried: two points a dollar from 30 dollars on.
const CHANGED: &[(&str, &str)] = &[
    (
        "reactors/points_for_orders.yaml",
        "\
kind: reactor
key: points_for_orders
spec:
  description: One point for every whole dollar of an order below 30 dollars.
  trigger: {event: order_completed}
  condition: event.properties.total < 30.0
  actions:
    - award: {currency: points, of: properties.total, rate: 1, rounding: floor}
",
    ),
    (
        "reactors/points_for_large_orders.yaml",
        "\
kind: reactor
key: points_for_large_orders
spec:
  description: Two points a dollar for orders of 30 dollars and more.
  trigger: {event: order_completed}
  condition: event.properties.total >= 30.0
  actions:
    - award: {currency: points, of: properties.total, rate: 2, rounding: floor}
",
    ),
];

/// Writes the program into a folder; files that are there stay as they are.
pub(super) fn write_program(folder: &Path) -> Result<()> {
    for (name, text) in record_shop::PROGRAM {
        let path = folder.join(name);
        if !path.exists() {
            write(&path, text)?;
        }
    }
    Ok(())
}

/// Edits the program in a folder.
pub(super) fn change_program(folder: &Path) -> Result<()> {
    CHANGED.iter().try_for_each(|(name, text)| write(&folder.join(name), text))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(doing)?;
    }
    fs::write(path, text).with_context(doing)
}

/// Writes the first `limit` orders as Segment messages, one a line; says how many.
pub(super) fn write_orders(path: &Path, limit: usize) -> Result<usize> {
    let doing = || format!("writing {}", path.display());
    let mut file = BufWriter::new(fs::File::create(path).with_context(doing)?);
    let count = record_shop::write(&mut file, limit)?;
    file.flush().with_context(doing)?;
    Ok(count)
}
