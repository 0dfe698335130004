//! `greenroom adjust`.

use anyhow::Result;
use serde_json::{Value, json};
use ureq::http::Method;

use super::profile;
use crate::{
    arguments::In,
    context::Context,
    exit::Exit,
    output::{Amounts, text::at},
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
        /// How much, as people write it: 50, or 8.40 of a currency with two digits after the point
        amount: String,
    },
    /// Take points; refused when the member has less
    Debit {
        #[command(flatten)]
        order: Order,
        /// The currency's key
        currency: String,
        /// How much, as people write it: 50, or 8.40 of a currency with two digits after the point
        amount: String,
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
        let client = context.client()?;
        let amounts = |order: &Order| Amounts::of(&client, &order.place.environment);
        let points = |amounts: &Amounts, currency: &str, amount: &str| -> Result<Value> {
            let units = amounts.read(currency, amount)?;
            Ok(json!({"currency": currency, "amount": units}))
        };
        let (order, resource, amounts, mut body) = match self {
            Self::Credit { order, currency, amount } => {
                let amounts = amounts(&order)?;
                let body = points(&amounts, &currency, &amount)?;
                (order, "adjustments", amounts, body)
            }
            Self::Debit { order, currency, amount } => {
                let amounts = amounts(&order)?;
                let body = points(&amounts, &currency, &amount)?;
                (order, "deductions", amounts, body)
            }
            Self::Reverse { order, group } => {
                let amounts = amounts(&order)?;
                (order, "reversals", amounts, json!({ "group": group }))
            }
        };
        body["reason"] = json!(order.reason);
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
                let currency = at(group, "/currency");
                let named = amounts.named(&currency);
                writeln!(out, "  {} of {named}  ({})", at(group, "/reason"), at(group, "/id"))?;
                for posting in group.get("postings").and_then(Value::as_array).into_iter().flatten() {
                    let balance = match amounts.at(&currency, posting, "/balance").as_str() {
                        "-" => String::new(),
                        balance => format!(", balance {balance}"),
                    };
                    let amount = amounts.at(&currency, posting, "/amount");
                    writeln!(out, "    {} {amount}{balance}", at(posting, "/account"))?;
                }
            }
            let first = done.pointer("/groups/0/currency").and_then(Value::as_str);
            if let (Some(missing @ 1..), Some(currency)) =
                (done.get("not_reversed").and_then(Value::as_i64), first)
            {
                let missing = amounts.number(currency, missing);
                writeln!(
                    out,
                    "  {missing} {} of it are missing: the member has spent them; reverse it again when there is something \
                     to take",
                    amounts.named(currency)
                )?;
            }
            Ok(())
        })?;
        Ok(Exit::Done)
    }
}
