//! The record shop: its program, and its purchase history (`record-shop/data/`) as Segment messages.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;

/// One line an order: customer, date, number of CDs, dollars. See `record-shop/data/README.md`.
const HISTORY: &[u8] = include_bytes!("../record-shop/data/cdnow.txt.gz");

macro_rules! files {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../record-shop/", $name)))),*]
    };
}

/// The program's files, by their names in its folder.
pub const PROGRAM: &[(&str, &str)] = files![
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

/// The history's text.
pub fn history() -> Result<String> {
    let mut text = String::new();
    GzDecoder::new(HISTORY).read_to_string(&mut text).context("unpacking the record shop's history")?;
    Ok(text)
}

/// The orders in a text, in its order.
pub fn orders(text: &str) -> Result<Vec<Order<'_>>> {
    let lines = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines.enumerate().map(|(i, line)| parse(i + 1, line)).collect()
}

/// Writes the first `limit` orders as messages, one a line, and returns how many there were.
pub fn write(to: &mut dyn Write, limit: usize) -> Result<usize> {
    let text = history()?;
    let orders = orders(&text)?;
    let chosen = &orders[..limit.min(orders.len())];
    for order in chosen {
        writeln!(to, "{}", order.message())?;
    }
    Ok(chosen.len())
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
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::Path,
    };

    use super::*;

    /// Files of the folder, by their names in it.
    fn found(folder: &Path, below: &Path, into: &mut BTreeSet<String>) {
        for item in fs::read_dir(below).expect("a folder of the example") {
            let path = item.expect("an item of it").path();
            if path.is_dir() {
                found(folder, &path, into);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let name = path.strip_prefix(folder).expect("it is below");
                into.insert(name.to_str().expect("UTF-8").to_owned());
            }
        }
    }

    #[test]
    fn the_whole_program_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("record-shop");
        let mut there = BTreeSet::new();
        found(&folder, &folder, &mut there);
        assert_eq!(there, PROGRAM.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    /// Cents, exactly.
    fn cents(total: &str) -> u64 {
        let (dollars, cents) = total.split_once('.').expect("money has a point");
        assert_eq!(cents.len(), 2, "{total}");
        dollars.parse::<u64>().expect("dollars") * 100 + cents.parse::<u64>().expect("cents")
    }

    #[test]
    fn the_history_is_the_one_that_is_published() {
        let text = history().expect("the data is whole");
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
