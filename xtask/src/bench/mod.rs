//! `cargo xtask bench`: how fast events go in, beside what others reach, in one run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{process, workspace};

mod cpu;
mod hand_rolled;
mod load;
mod nodes;
mod ours;
mod table;

/// For `--help`.
pub const HELP: &str = "\
Measures how fast events go in, beside what others reach, in one run, and prints a table.

Usage: cargo xtask bench [--events N] [--seconds S] [--without-postgres] [--no-build]

  --events N          events for each way of sending: 1,000,000 for a hundred a POST, fewer for fewer
  --seconds S         how long the hand-rolled baseline runs; 15
  --without-postgres  leave out the hand-rolled baseline, the ratios with it, and Greenroom over PostgreSQL
  --no-build          measure the programs that were built last

The baselines are one PostgreSQL transaction an event (PostgreSQL 15 is installed if it is missing) and the
bare SQLite insert. See benches/README.md. Needs no network but for installing, and some 10 GB of disk.
";

/// What to measure.
struct Options {
    events: u64,
    seconds: u32,
    postgres: bool,
    build: bool,
}

/// Runs everything and prints the table.
pub fn run(arguments: &[String]) -> Result<()> {
    let options = options(arguments)?;
    if options.build {
        println!("building");
        process::run(&mut workspace::cargo(&["build", "--release", "--locked", "--bins"]))?;
    }
    let room = Room::new()?;

    let hand_rolled = if options.postgres {
        println!("hand-rolled: PostgreSQL, one transaction an event, {} s", options.seconds);
        let rate = hand_rolled::run(&room.folder("postgres")?, options.seconds)?;
        println!("  {rate:.0} events/s");
        Some(rate)
    } else {
        None
    };
    println!("bare SQLite insert");
    let insert = sqlite_insert(&room.folder("sqlite")?)?;
    println!("  {insert:.0} rows/s");
    println!("greenroom");
    let ours = ours::run(&room.folder("greenroom")?, options.events)?;

    let nodes = if options.postgres {
        println!("greenroom over PostgreSQL");
        // A quarter: with two nodes beside the server and the load, it takes its time.
        Some(nodes::run(&room.folder("nodes")?, options.events / 4)?)
    } else {
        None
    };

    println!("\n{}", table::print(hand_rolled, insert, &ours, nodes.as_ref()));
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options> {
    let mut options = Options { events: 1_000_000, seconds: 15, postgres: true, build: true };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || rest.next().with_context(|| format!("`{argument}` needs a number"));
        match argument.as_str() {
            "--events" => options.events = number()?.parse().context("`--events` takes a number")?,
            "--seconds" => options.seconds = number()?.parse().context("`--seconds` takes a number")?,
            "--without-postgres" => options.postgres = false,
            "--no-build" => options.build = false,
            other => bail!("`{other}` is not understood; see `cargo xtask bench --help`"),
        }
    }
    Ok(options)
}

/// Rows a second.
fn sqlite_insert(folder: &Path) -> Result<f64> {
    let program = workspace::built("release", "sqlite_insert");
    let printed = process::output(Command::new(program).arg(folder).arg("2000000"))?;
    printed.trim().parse().with_context(|| format!("`{printed}` is not a number"))
}

/// A folder for all that the bench writes; gone when it ends.
struct Room(PathBuf);

impl Room {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("greenroom-bench-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<(u64, u32, bool)> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        options(&arguments).map(|options| (options.events, options.seconds, options.postgres))
    }

    #[test]
    fn arguments() {
        assert_eq!(read(&[]).expect("defaults"), (1_000_000, 15, true));
        assert_eq!(read(&["--events", "5", "--without-postgres"]).expect("both"), (5, 15, false));
        assert!(read(&["--events"]).is_err());
        assert!(read(&["--fast"]).is_err());
    }
}
