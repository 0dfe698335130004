//! The chores of the workspace, run as `cargo xtask CHORE`: one module a chore.
//!
//! It is a library too: tests use [`greenroom`], [`postgres`] and [`process`].
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore speaks to the terminal")]

use std::process::ExitCode;

pub mod bench;
pub mod demo;
pub mod greenroom;
pub mod orders;
pub mod postgres;
pub mod process;
pub mod test;
pub mod tidy;
pub mod workspace;

type Chore = fn(&[String]) -> anyhow::Result<()>;

const HELP: &str = "\
Chores of the Greenroom workspace.

Usage: cargo xtask CHORE [ARGUMENTS]

  demo     builds `greenroom` and runs its demo: the whole idea in five minutes
  test     everything that must be green: set-up, format, lints, tidy, all tests
  tidy     the rules no compiler checks: arrows between crates, file sizes, links
  bench    how fast events go in, beside what others reach
  orders   the record shop's purchase history as Segment messages

`cargo xtask CHORE --help` says more.
";

/// Runs the chore that the arguments name.
pub fn main(arguments: &[String]) -> ExitCode {
    let Some((chore, rest)) = arguments.split_first() else {
        eprint!("{HELP}");
        return ExitCode::FAILURE;
    };
    let (help, run): (&str, Chore) = match chore.as_str() {
        "bench" => (bench::HELP, bench::run),
        "demo" => (demo::HELP, demo::run),
        "test" => (test::HELP, test::run),
        "tidy" => (tidy::HELP, tidy::run),
        "orders" => (orders::HELP, orders::run),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("There is no chore `{other}`.\n\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    if rest.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{help}");
        return ExitCode::SUCCESS;
    }
    match run(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {chore}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
