//! `greenroom demo`: a record shop with real purchase history, from nothing but this binary.

mod shop;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};

use super::serve;
use crate::{
    arguments::{Arguments, Global},
    client::routes,
    config::{self, ServerConfig},
    context::Context,
    exit::Exit,
    output::Format,
};

/// Run the demonstration: a record shop with real purchase history
///
/// Makes a folder with the shop's program as code, its 69,659 orders and a server's data; applies the
/// program to `live`, imports the orders, makes `staging` with a changed rule in it, and says what to try. The
/// shop stays open, with an order now and then, until Ctrl-C. Run again on the same folder, it opens the shop
/// as it was left.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// The folder
    #[arg(value_name = "DIR", default_value = "greenroom-demo")]
    folder: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDR:PORT", default_value_t = config::ADDRESS)]
    listen: SocketAddr,
    /// Only the first so many orders
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    first: usize,
    /// Run what there is to try as well: plan, rehearse, promote, explain
    #[arg(long)]
    tour: bool,
    /// End instead of keeping the shop open
    #[arg(long)]
    once: bool,
}

/// Between two synthetic orders.
const ORDER_EVERY: Duration = Duration::from_secs(3);

impl Demo {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let data = self.folder.join("data");
        let config =
            ServerConfig { listeners: vec![config::listener(self.listen)], ..ServerConfig::default() };
        let running = runtime.block_on(serve::start(&data, config))?;
        // To this server, whatever the surroundings say.
        context.global = Global { server: None, token: None, data, output: Format::Table };
        let head = context.client()?.get(&routes::environment("live"))?.pointer("/environment/head").cloned();
        if head.is_none_or(|head| head.is_null()) {
            self.set_up(context)?;
            if self.tour {
                self.walk(context)?;
            }
        } else {
            say(context, "The shop is open again, as it was left.")?;
        }
        if self.once {
            runtime.block_on(running.stop())?;
            return Ok(Exit::Done);
        }
        self.invite(context)?;
        let global = context.global.clone();
        // Ends with the process.
        thread::spawn(move || orders_now_and_then(&global));
        runtime.block_on(running.until_told())?;
        Ok(Exit::Done)
    }

    fn set_up(&self, context: &mut Context) -> Result<()> {
        let (program, orders) = (self.folder.join("shop"), self.folder.join("orders.ndjson"));
        shop::write_program(&program)?;
        let count = shop::write_orders(&orders, self.first)?;
        let (program, orders) = (text(&program)?, text(&orders)?);
        say(
            context,
            &format!(
                "A record shop's program is code: look into {program}. It is checked and applied to live."
            ),
        )?;
        show(context, &["validate", program])?;
        show(context, &["apply", program, "--to", "live", "--auto-approve", "-m", "the shop opens"])?;
        say(
            context,
            &format!("Its {count} orders of 1997 and 1998 come in, each decided as of its own day."),
        )?;
        show(context, &["import", orders, "--environment", "live"])?;
        show(context, &["env", "show", "live"])?;
        say(context, "One member, and why they have what they have.")?;
        show(context, &["profile", "show", "--environment", "live", MEMBER])?;
        say(
            context,
            &format!(
                "\
A marketer wants two points a dollar for orders of 30 dollars and more. Changes are tried out in an environment
of their own, made from live's configuration and nothing else. (The two files of {program}/reactors that say
how many points an order brings have just been edited.)"
            ),
        )?;
        show(context, &["env", "create", "staging", "--from", "live"])?;
        shop::change_program(Path::new(program))?;
        show(context, &["apply", program, "--to", "staging", "--auto-approve", "-m", "two points from $30"])
    }

    /// What there is to try, tried.
    fn walk(&self, context: &mut Context) -> Result<()> {
        let plan = self.folder.join("plan.json");
        let plan = text(&plan)?;
        say(context, "What would change in live?")?;
        show(context, &["plan", "--from", "staging", "--to", "live", "-o", plan])?;
        say(
            context,
            "\
And what would it have done to real members? The rehearsal decides all of live's history again: once under the
rules of then, which must give exactly what is recorded, and once under the new ones.",
        )?;
        show(context, &["rehearse", plan])?;
        say(context, "Promoted, in one step. The plan is refused if live has moved since it was made.")?;
        show(context, &["apply", plan, "--auto-approve"])?;
        let order = json!({
            "type": "track", "messageId": "tour-order", "event": "Order Completed", "userId": MEMBER,
            "properties": {"order_id": "tour-order", "total": 49.5, "quantity": 3},
        });
        show(context, &["send", "--environment", "live", "--json", &order.to_string()])?;
        say(context, "Why these points? Every decision can be explained, now and later.")?;
        show(context, &["explain", "--environment", "live", "tour-order"])?;
        swept(context)?;
        say(context, "And proved: every recorded decision is made again, and compared to the byte.")?;
        show(context, &["verify", "--environment", "live"])
    }

    fn invite(&self, context: &mut Context) -> Result<()> {
        let folder = self.folder.display();
        let path = found_by_name().unwrap_or_default();
        say(
            context,
            &format!(
                "\
The shop stays open: an order comes in every {} s, until Ctrl-C. In another terminal:

{path}  export GREENROOM_DATA={folder}/data
  greenroom tail -e live                                       # what is being decided
  greenroom explain -e live cdnow-line-00033                   # why an order brought a bonus

The changed rule is in staging. What would it do in live, and what would it have done to real members?

  greenroom plan --from staging --to live -o plan.json         # what would change in live
  greenroom rehearse plan.json                                 # decided again: all orders, under both rules
  greenroom apply plan.json                                    # promote it, in one step
  greenroom profile show -e live {MEMBER}                   # one of those it touches
  greenroom rollback live --to REVISION                        # and back: greenroom revisions -e live

Then a rule of your own: edit {folder}/shop, and

  greenroom test {folder}/shop                                 # the program's own cases: some fail now
  greenroom apply {folder}/shop --to staging                   # try it out
",
                ORDER_EVERY.as_secs()
            ),
        )
    }
}

/// A member with a few orders.
const MEMBER: &str = "cdnow-00008";

/// How to make `greenroom` be found in another terminal, when it is not yet.
fn found_by_name() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let found = std::env::split_paths(&std::env::var_os("PATH")?).any(|path| path == folder);
    (!found).then(|| format!("  export PATH={}:$PATH\n", folder.display()))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the folder's name is not UTF-8; choose another")
}

fn say(context: &mut Context, words: &str) -> Result<()> {
    writeln!(context.out, "\n{words}")?;
    context.out.flush()?;
    Ok(())
}

/// Waits until every member has been brought under the new program, so that there is as much to prove each time.
fn swept(context: &mut Context) -> Result<()> {
    while context.client()?.get(&routes::environment("live"))?.pointer("/profiles_behind") != Some(&json!(0))
    {
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Shows a command and what it prints.
fn show(context: &mut Context, words: &[&str]) -> Result<()> {
    let shown: Vec<String> = words
        .iter()
        .map(|word| if word.contains([' ', '"']) { format!("'{word}'") } else { (*word).to_owned() })
        .collect();
    writeln!(context.out, "\n$ greenroom {}", shown.join(" "))?;
    let arguments = Arguments::try_parse_from(std::iter::once("greenroom").chain(words.iter().copied()))?;
    let exit = super::run(arguments.command, context)?;
    ensure!(exit == Exit::Done, "`greenroom {}` ended with {}", shown.join(" "), exit.code());
    Ok(())
}

/// Sends synthetic orders for as long as the process lives. One that fails is one order less.
fn orders_now_and_then(global: &Global) {
    let begun = jiff::Timestamp::now().as_second();
    let mut number = 0;
    let mut context = Context::new(global.clone());
    context.out = Box::new(std::io::sink());
    loop {
        thread::sleep(ORDER_EVERY);
        number += 1;
        let message = order(begun, number).to_string();
        let words = ["greenroom", "send", "--environment", "live", "--json", &message];
        if let Ok(arguments) = Arguments::try_parse_from(words) {
            // The server may be ending.
            let _ = super::run(arguments.command, &mut context);
        }
    }
}

/// The `number`th synthetic order of a run that began then.
fn order(begun: i64, number: u32) -> Value {
    let id = format!("demo-{begun}-{number}");
    let cents = 500 + (number * 3_753) % 8_000;
    let total: Value =
        serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap_or_default();
    json!({
        "type": "track", "messageId": id, "event": "Order Completed",
        "userId": format!("cdnow-{:05}", (number * 7_919) % 23_570 + 1),
        "properties": {"order_id": id, "total": total, "quantity": 1},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_opens_from_nothing_and_again() -> Result<()> {
        let room = tempfile::tempdir()?;
        let demo = || Demo {
            folder: room.path().join("demo"),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            first: 200,
            tour: true,
            once: true,
        };
        let global = Global { server: None, token: None, data: "unused".into(), output: Format::Table };
        let mut context = Context::new(global);
        context.out = Box::new(Vec::new());
        assert_eq!(demo().run(&mut context)?, Exit::Done);
        assert_eq!(demo().run(&mut context)?, Exit::Done);
        assert!(room.path().join("demo/shop/tests/points.yaml").exists());
        Ok(())
    }

    #[test]
    fn synthetic_orders_fit_the_program() {
        let first = order(7, 1);
        assert_eq!(first["properties"]["total"].to_string(), "42.53");
        assert_ne!(order(7, 2)["messageId"], first["messageId"]);
    }
}
