//! `cargo xtask demo`: the whole idea in five minutes, on the real orders of a record shop.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{greenroom::Greenroom, process, record_shop, workspace};

/// For `--help`.
pub const HELP: &str = "\
Builds Greenroom, starts it, and walks through a change of a record shop's program: from staging, over a
rehearsal on 69,659 real orders, to live. Every command is shown with what it printed. Ends with Ctrl-C.

Usage: cargo xtask demo [--once] [--debug]

  --once   end after the tour instead of keeping the shop open
  --debug  the debug build: quicker to build, slower to run
";

/// Between two synthetic orders.
const ORDER_EVERY: Duration = Duration::from_secs(3);

/// Runs it.
pub fn run(arguments: &[String]) -> Result<()> {
    let (mut once, mut profile) = (false, "release");
    for argument in arguments {
        match argument.as_str() {
            "--once" => once = true,
            "--debug" => profile = "debug",
            _ => bail!("{argument} is not understood; see `cargo xtask demo --help`"),
        }
    }
    println!("Building ({profile}) …");
    let mut build = workspace::cargo(&["build", "--bin", "greenroom", "--locked"]);
    if profile == "release" {
        build.arg("--release");
    }
    process::run(&mut build)?;
    let room = workspace::target().join("demo");
    if room.exists() {
        fs::remove_dir_all(&room).with_context(|| format!("emptying {}", room.display()))?;
    }
    fs::create_dir_all(&room)?;
    let began = Instant::now();
    let tour = Tour {
        server: Greenroom::start(&workspace::built(profile, "greenroom"), &room.join("data"))?,
        room: room.clone(),
    };
    tour.walk()?;
    println!("\n(The tour took {} s.)", began.elapsed().as_secs());
    if once {
        return tour.server.stop();
    }
    tour.keep_open(&workspace::built(profile, "greenroom"))
}

struct Tour {
    server: Greenroom,
    room: PathBuf,
}

impl Tour {
    fn walk(&self) -> Result<()> {
        say("A record shop, as a program: YAML files in examples/record-shop. They go to `live`.");
        let shop = workspace::root().join("examples/record-shop");
        self.show(&["validate", text(&shop)?])?;
        self.show(&["apply", text(&shop)?, "--to", "live", "--auto-approve"])?;

        say("Its real history: 69,659 orders of 1997 and 1998, as Segment messages.");
        let orders = self.room.join("orders.ndjson");
        record_shop::write_file(&orders, usize::MAX)?;
        self.show(&["import", text(&orders)?, "--environment", "live"])?;
        self.show(&["env", "show", "live"])?;
        self.show(&["audiences", "--environment", "live"])?;
        self.show(&["profile", "show", "--environment", "live", "cdnow-00008"])?;

        say(
            "A marketer wants another rule: 2 points per dollar, but only for orders of 30 dollars and more.\n\
             It is tried in `staging`, a test environment made from live's configuration (and nothing else).",
        );
        self.show(&["env", "create", "staging", "--from", "live"])?;
        let changed = self.room.join("shop");
        self.show(&["pull", "--environment", "staging", text(&changed)?])?;
        edit(&changed)?;
        println!("  (edited reactors/points_for_orders.yaml: a condition, and rate 2)");
        self.show(&["apply", text(&changed)?, "--to", "staging", "--auto-approve"])?;

        say("What would go to live?");
        let plan = self.room.join("plan.json");
        self.show(&["plan", "--from", "staging", "--to", "live", "-o", text(&plan)?])?;

        say(
            "And what would it have done to real members? The rehearsal decides all of live's history again,\n\
             once under the rules of then (that must give exactly what is recorded), once under the new ones.",
        );
        self.show(&["rehearse", text(&plan)?])?;

        say("It is promoted: one atomic step. The plan is refused if live has changed since it was made.");
        self.show(&["apply", text(&plan)?, "--auto-approve"])?;
        self.show(&[
            "send",
            "--environment",
            "live",
            "--user",
            "cdnow-00008",
            "--event",
            "Order Completed",
            "--message-id",
            "demo-order-1",
            "--property",
            "total=49.99",
            "--property",
            "order_id=demo-1",
        ])?;

        say("Why these points? Every decision can be explained, now and later.");
        self.show(&["explain", "--environment", "live", "demo-order-1"])?;

        say("And proved: every recorded decision is made again, and compared to the byte.");
        self.show(&["verify", "--environment", "live"])
    }

    /// Shows a command and what it prints.
    fn show(&self, arguments: &[&str]) -> Result<()> {
        let shown: Vec<String> = arguments
            .iter()
            .map(|argument| {
                let short = argument.strip_prefix(text(&self.room).unwrap_or_default());
                let short = short.map_or_else(
                    || argument.replace(&format!("{}/", workspace::root().display()), ""),
                    |rest| rest.trim_start_matches('/').to_owned(),
                );
                if short.contains(' ') { format!("'{short}'") } else { short }
            })
            .collect();
        println!("\n$ greenroom {}", shown.join(" "));
        let output = process::output(&mut self.server.command(arguments))?;
        println!("{}", output.trim_end());
        Ok(())
    }

    /// A gentle stream of synthetic orders until Ctrl-C.
    fn keep_open(&self, program: &Path) -> Result<()> {
        let data = self.server.folder().display();
        println!("\n{}", "─".repeat(78));
        println!(
            "The shop stays open: an order comes in every {} s. In another terminal:\n\n  \
             export GREENROOM_DATA={data}\n  \
             alias greenroom={}\n\n  \
             greenroom tail --environment live\n  \
             greenroom profile show --environment live cdnow-00008\n  \
             greenroom plan --from staging --to live\n  \
             greenroom --help\n\nCtrl-C closes it.",
            ORDER_EVERY.as_secs(),
            program.display(),
        );
        for number in 2_u32.. {
            thread::sleep(ORDER_EVERY);
            let user = format!("cdnow-{:05}", (number * 7_919) % 23_570 + 1);
            let total = format!("total={}.{:02}", 5 + (number * 37) % 80, (number * 53) % 100);
            let (id, order) = (format!("demo-order-{number}"), format!("order_id=demo-{number}"));
            process::output(&mut self.server.command(&[
                "send",
                "--environment",
                "live",
                "--user",
                &user,
                "--event",
                "Order Completed",
                "--message-id",
                &id,
                "--property",
                &total,
                "--property",
                &order,
            ]))?;
        }
        Ok(())
    }
}

/// The marketer's change, in the pulled files.
fn edit(shop: &Path) -> Result<()> {
    let file = shop.join("reactors/points_for_orders.yaml");
    fs::write(
        &file,
        "kind: reactor\nkey: points_for_orders\nspec:\n  \
         description: Two points a dollar for orders of 30 dollars and more.\n  \
         trigger: {event: order_completed}\n  \
         condition: event.properties.total >= 30.0\n  \
         actions:\n    - award: {currency: points, of: properties.total, rate: 2, rounding: floor}\n",
    )
    .with_context(|| format!("writing {}", file.display()))
}

fn say(what: &str) {
    println!("\n{}\n{what}", "─".repeat(78));
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
