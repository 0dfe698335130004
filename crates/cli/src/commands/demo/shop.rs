//! What the demonstration runs on, built in: the program of `examples/record-shop` and its orders.

use std::{
    fs,
    io::{BufWriter, Read, Write},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;

/// One line an order: customer, date, number of CDs, dollars. See `examples/record-shop/data/README.md`.
const ORDERS: &[u8] = include_bytes!("../../../../../examples/record-shop/data/cdnow.txt.gz");

macro_rules! files {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../../../../examples/record-shop/", $name)))),*]
    };
}

/// The program's files.
const PROGRAM: &[(&str, &str)] = files![
    "audiences/big_spenders.yaml",
    "currencies/points.yaml",
    "event_types/order_completed.yaml",
    "metrics/lifetime_spend.yaml",
    "metrics/orders.yaml",
    "reactors/fifth_order_bonus.yaml",
    "reactors/points_for_orders.yaml",
    "settings.yaml",
    "tests/big_spenders.yaml",
    "tests/fifth_order.yaml",
    "tests/points.yaml",
];

/// Writes the program into a folder; files that are there stay as they are.
pub(super) fn write_program(folder: &Path) -> Result<()> {
    for (name, text) in PROGRAM {
        let path = folder.join(name);
        let doing = || format!("writing {}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(doing)?;
        }
        if !path.exists() {
            fs::write(&path, text).with_context(doing)?;
        }
    }
    Ok(())
}

/// Writes the first `limit` orders as Segment messages, one a line; says how many.
pub(super) fn write_orders(path: &Path, limit: usize) -> Result<usize> {
    let mut text = String::new();
    GzDecoder::new(ORDERS).read_to_string(&mut text).context("unpacking the orders")?;
    let doing = || format!("writing {}", path.display());
    let mut file = BufWriter::new(fs::File::create(path).with_context(doing)?);
    let mut count = 0;
    // The first line names the columns.
    for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()).take(limit) {
        count += 1;
        writeln!(file, "{}", message(count, line)?).with_context(doing)?;
    }
    file.flush().with_context(doing)?;
    Ok(count)
}

/// The message of an order. Ids come from the line's number: equal lines are separate orders.
fn message(number: usize, line: &str) -> Result<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    ensure!(
        fields.len() == 4 && fields.iter().all(|field| plain(field)),
        "order {number} is damaged: `{line}`"
    );
    let (customer, date, quantity, total) = (fields[0], fields[1], fields[2], fields[3]);
    ensure!(date.len() == 8, "order {number} has no date: `{line}`");
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    Ok(format!(
        r#"{{"type":"track","messageId":"cdnow-line-{number:05}","userId":"cdnow-{customer}","event":"Order Completed","timestamp":"{year}-{month}-{day}T12:00:00.000Z","properties":{{"order_id":"cdnow-order-{number:05}","total":{total},"quantity":{quantity}}}}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_example_is_built_in() -> Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/record-shop");
        let there = crate::commands::files::read_where(&folder, |name| name.strip_suffix(".yaml").is_some())?;
        let built_in: Vec<(String, String)> =
            PROGRAM.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(there, built_in);
        Ok(())
    }

    #[test]
    fn orders_are_the_ones_of_the_file() -> Result<()> {
        let room = tempfile::tempdir()?;
        let path = room.path().join("orders.ndjson");
        assert_eq!(write_orders(&path, usize::MAX)?, 69_659);
        let ours = fs::read_to_string(&path)?;
        let theirs = room.path().join("theirs.ndjson");
        xtask::record_shop::write_file(&theirs, usize::MAX)?;
        assert!(
            ours == fs::read_to_string(&theirs)?,
            "the demo of the binary and of xtask have the same orders"
        );
        Ok(())
    }
}
