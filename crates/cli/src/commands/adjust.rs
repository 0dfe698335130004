//! `greenroom adjust`.

use anyhow::Result;
use serde_json::{Value, json};
use ureq::http::Method;

use super::profile;
use crate::{
    arguments::In,
    context::Context,
    exit::Exit,
    output::text::{at, number},
};

/// Points by hand, with a reason. MEMBER is a profile's id, a userId or an anonymousId
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Adjust {
    /// Add points
    Credit {
        #[command(flatten)]
        order: Order,
        /// The currency's key
        currency: String,
        /// How many of its smallest unit
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        amount: i64,
    },
    /// Take points; refused when the member has less
    Debit {
        #[command(flatten)]
        order: Order,
        /// The currency's key
        currency: String,
        /// How many of its smallest unit
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        amount: i64,
    },
    /// Reverse an earlier group of postings, by new ones that cite it
    Reverse {
        #[command(flatten)]
        order: Order,
        /// The group's id, as `explain` shows it: PROFILE/N/INDEX
        group: String,
    },
}

/// What every order by hand has.
#[derive(Debug, clap::Args)]
pub(crate) struct Order {
    #[command(flatten)]
    place: In,
    /// A profile's id, a userId or an anonymousId
    member: String,
    /// Why; kept with the postings
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The same key has one effect, for ever: give one when you may repeat the order
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Adjust {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let points = |currency: &str, amount: i64| json!({"currency": currency, "amount": amount});
        let (order, resource, mut body) = match self {
            Self::Credit { order, currency, amount } => (order, "adjustments", points(&currency, amount)),
            Self::Debit { order, currency, amount } => (order, "deductions", points(&currency, amount)),
            Self::Reverse { order, group } => (order, "reversals", json!({ "group": group })),
        };
        body["reason"] = json!(order.reason);
        let client = context.client()?;
        let found = profile::find(&client, &order.place, &order.member)?;
        let key = match order.idempotency_key {
            Some(key) => key,
            None => crate::hexadecimal::write(&runtime::seal::random::<16>()?),
        };
        let path = format!("{}/{resource}", profile::path(&order.place, &found));
        let done = client.send(Method::POST, &path, &[("idempotency-key", &key)], Some(&body))?.json()?;
        context.show(&done, |out| {
            writeln!(out, "done for profile {} (record {})", at(&done, "/profile"), at(&done, "/n"))?;
            for group in done.get("groups").and_then(Value::as_array).into_iter().flatten() {
                writeln!(
                    out,
                    "  {} of {}  ({})",
                    at(group, "/reason"),
                    at(group, "/currency"),
                    at(group, "/id")
                )?;
                for posting in group.get("postings").and_then(Value::as_array).into_iter().flatten() {
                    let balance = match number(posting, "/balance").as_str() {
                        "-" => String::new(),
                        balance => format!(", balance {balance}"),
                    };
                    writeln!(out, "    {} {}{balance}", at(posting, "/account"), number(posting, "/amount"))?;
                }
            }
            Ok(())
        })?;
        Ok(Exit::Done)
    }
}
