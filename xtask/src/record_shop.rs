//! The record shop's purchase history (`examples/record-shop/data/`) as Segment messages.

use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;

use crate::workspace;

/// For `--help`.
pub const HELP: &str = "\
The record shop's purchase history as Segment messages, one JSON object a line, in the order of the file.

Usage: cargo xtask orders [FILE.ndjson] [--first N]

  FILE.ndjson  where to write; standard output when left out
  --first N    only the first N orders of 69,659
";

/// One line of the file: one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// Which line of orders, from 1.
    pub line: usize,
    /// The customer's id, five digits.
    pub customer: &'a str,
    /// `YYYYMMDD`.
    pub date: &'a str,
    /// How many CDs.
    pub quantity: &'a str,
    /// Dollars and cents, as written.
    pub total: &'a str,
}

impl Order<'_> {
    /// The Segment message, without a line end. Nothing in it needs escaping: `parse` let digits through only.
    pub fn message(&self) -> String {
        let Self { line, customer, date, quantity, total } = self;
        let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
        format!(
            r#"{{"type":"track","messageId":"cdnow-line-{line:05}","userId":"cdnow-{customer}","event":"Order Completed","timestamp":"{year}-{month}-{day}T12:00:00.000Z","properties":{{"order_id":"cdnow-order-{line:05}","total":{total},"quantity":{quantity}}}}}"#
        )
    }
}

/// The file's path.
pub fn path() -> PathBuf {
    workspace::root().join("examples/record-shop/data/cdnow.txt.gz")
}

/// The file's text.
pub fn text() -> Result<String> {
    let path = path();
    let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).with_context(|| format!("reading {}", path.display()))?;
    Ok(text)
}

/// The orders in a text, in its order.
pub fn orders(text: &str) -> Result<Vec<Order<'_>>> {
    let lines = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines.enumerate().map(|(i, line)| parse(i + 1, line)).collect()
}

/// Writes the first `limit` orders as messages, one a line, and returns how many there were.
pub fn write(to: &mut dyn Write, limit: usize) -> Result<usize> {
    let text = text()?;
    let orders = orders(&text)?;
    let chosen = &orders[..limit.min(orders.len())];
    for order in chosen {
        writeln!(to, "{}", order.message())?;
    }
    Ok(chosen.len())
}

/// Writes them to a file.
pub fn write_file(path: &Path, limit: usize) -> Result<usize> {
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let mut to = BufWriter::new(file);
    let count = write(&mut to, limit)?;
    to.flush().with_context(|| format!("writing {}", path.display()))?;
    Ok(count)
}

/// `cargo xtask orders`.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut file = None;
    let mut limit = usize::MAX;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--first" => {
                let number = rest.next().context("`--first` needs a number")?;
                limit = number.parse().with_context(|| format!("`{number}` is not a number"))?;
            }
            option if option.starts_with('-') => bail!("`{option}` is not understood"),
            path => file = Some(PathBuf::from(path)),
        }
    }
    match file {
        Some(file) => {
            let count = write_file(&file, limit)?;
            println!("{count} orders written to {}", file.display());
        }
        None => drop(write(&mut BufWriter::new(std::io::stdout().lock()), limit)?),
    }
    Ok(())
}

fn parse(number: usize, line: &str) -> Result<Order<'_>> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [customer, date, quantity, total] = fields[..] else {
        bail!("order {number}: expected 4 fields, found {}: `{line}`", fields.len());
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = digits(customer) && digits(date) && date.len() == 8 && digits(quantity);
    let money = total.split_once('.').is_some_and(|(dollars, cents)| digits(dollars) && digits(cents));
    ensure!(whole && money, "order {number}: `{line}` is not id, date, count and dollars");
    Ok(Order { line: number, customer, date, quantity, total })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Cents, exactly.
    fn cents(total: &str) -> u64 {
        let (dollars, cents) = total.split_once('.').expect("money has a point");
        assert_eq!(cents.len(), 2, "{total}");
        dollars.parse::<u64>().expect("dollars") * 100 + cents.parse::<u64>().expect("cents")
    }

    #[test]
    fn the_history_is_the_one_that_is_published() {
        let text = text().expect("the data is in the repository");
        let orders = orders(&text).expect("every line is an order");
        let (mut spent, mut times) = (BTreeMap::new(), BTreeMap::new());
        for order in &orders {
            *spent.entry(order.customer).or_insert(0) += cents(order.total);
            *times.entry(order.customer).or_insert(0) += 1;
        }
        assert_eq!(orders.len(), 69_659);
        assert_eq!(spent.len(), 23_570);
        assert_eq!(spent.values().sum::<u64>(), 250_031_563);
        assert_eq!(orders.iter().map(|order| cents(order.total) / 100).sum::<u64>(), 2_453_159);
        assert_eq!(spent.values().filter(|cents| **cents > 50_000).count(), 734);
        assert_eq!(times.values().filter(|times| **times >= 5).count(), 3_925);
        assert_eq!(times.values().filter(|times| **times == 1).count(), 11_908);
        let ids: BTreeSet<String> = orders.iter().map(Order::message).collect();
        assert_eq!(ids.len(), 69_659, "every order is a message of its own");
    }

    #[test]
    fn a_message() {
        let orders = orders("header\r\n 00001 19970101  1   11.70\r\n").expect("one order");
        let message: serde_json::Value = serde_json::from_str(&orders[0].message()).expect("it is JSON");
        assert_eq!(
            message,
            serde_json::json!({
                "type": "track", "messageId": "cdnow-line-00001", "userId": "cdnow-00001",
                "event": "Order Completed", "timestamp": "1997-01-01T12:00:00.000Z",
                "properties": { "order_id": "cdnow-order-00001", "total": message["properties"]["total"], "quantity": 1 },
            })
        );
        assert!(orders[0].message().contains(r#""total":11.70,"#), "digits as written");
    }

    #[test]
    fn what_is_no_order_is_named() {
        for line in
            ["00001 19970101 1", "00001 1997-01-01 1 11.77", "00001 19970101 1 11", "a 19970101 1 1.00"]
        {
            let error = orders(&format!("header\n{line}\n")).expect_err(line).to_string();
            assert!(error.contains("order 1") && error.contains(line), "{error}");
        }
    }
}
